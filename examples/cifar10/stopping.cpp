#include "stopping.hpp"

#include <algorithm>
#include <chrono>
#include <csignal>

namespace cifar10 {

namespace {

const auto program_begin = std::chrono::steady_clock::now();

}  // namespace

gradus::StopRequest& stop_request() {
  static gradus::StopRequest request;
  return request;
}

std::string stop_reason() {
  switch (gradus::StopSignals::number()) {
    case SIGINT:
      return "stopped by SIGINT";
    case SIGTERM:
      return "stopped by SIGTERM";
    default:
      return "stopped after the seconds that --stop-after-seconds gave";
  }
}

std::optional<double> seconds_left(const Options& options) {
  if (!options.stop_after_seconds) return std::nullopt;
  const std::chrono::duration<double> gone = std::chrono::steady_clock::now() - program_begin;
  return std::max(*options.stop_after_seconds - gone.count(), 1e-3);
}

}  // namespace cifar10
