/// How a training ends before its end: by a signal, or because its time is over.
#pragma once

#include "options.hpp"
#include <gradus/core/stop_request.hpp>

#include <optional>
#include <string>

namespace cifar10 {

/// Asked by SIGINT and SIGTERM while `train` trains.
[[nodiscard]] gradus::StopRequest& stop_request();

/// What asked: "stopped by SIGTERM", or that the time is over.
[[nodiscard]] std::string stop_reason();

/// Until the wall-clock limit, which counts from the start of the program; above 0.
[[nodiscard]] std::optional<double> seconds_left(const Options& options);

}  // namespace cifar10
