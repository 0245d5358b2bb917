#include "stopping.hpp"

#include <gradus/error.hpp>

#include <algorithm>
#include <chrono>
#include <csignal>

namespace cifar10 {

namespace {

const auto program_begin = std::chrono::steady_clock::now();

/// "stopped by SIGTERM", or that the time is over.
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

}  // namespace

gradus::StopRequest& stop_request() {
  static gradus::StopRequest request;
  return request;
}

void end_stopped(const std::string& command, bool saved) {
  if (saved) {
    throw gradus::Stopped(stop_reason() + ", with everything saved; go on with: " + command);
  }
  throw gradus::ResourceError(
      stop_reason() +
      ", and its state could not be saved; go on from an earlier one with: " + command);
}

std::optional<double> seconds_left(const Options& options) {
  if (!options.stop_after_seconds) return std::nullopt;
  const std::chrono::duration<double> gone = std::chrono::steady_clock::now() - program_begin;
  return std::max(*options.stop_after_seconds - gone.count(), 1e-3);
}

}  // namespace cifar10
