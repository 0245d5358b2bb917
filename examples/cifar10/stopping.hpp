/// How a training ends before its end: by a signal, or because its time is over.
#pragma once

#include "options.hpp"
#include <gradus/core/stop_request.hpp>

#include <optional>
#include <string>

namespace cifar10 {

/// Asked by SIGINT and SIGTERM while `train` trains.
[[nodiscard]] gradus::StopRequest& stop_request();

/// From now on SIGUSR1 asks too: by it the process that has started several passes a signal on,
/// which they may have had themselves.
void hear_of_signals();

/// Ends a run that was asked to end: throws gradus::Stopped if it is saved, gradus::ResourceError
/// if not. `command` resumes it.
[[noreturn]] void end_stopped(const Options& options, const std::string& command, bool saved);

/// Until the wall-clock limit, which counts from the start of the program; above 0.
[[nodiscard]] std::optional<double> seconds_left(const Options& options);

}  // namespace cifar10
