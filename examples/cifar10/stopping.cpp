#include "stopping.hpp"

#include <gradus/error.hpp>

#include <algorithm>
#include <chrono>
#include <csignal>

namespace cifar10 {

namespace {

const auto program_begin = std::chrono::steady_clock::now();

/// "stopped by SIGTERM", or that the time is over.
std::string stop_reason(const Options& options) {
  switch (gradus::StopSignals::number()) {
    case SIGINT:
      return "stopped by SIGINT";
    case SIGTERM:
      return "stopped by SIGTERM";
    default:
      if (options.processes > 1)
        return "stopped with all " + std::to_string(options.processes) + " processes";
      return "stopped after the seconds that --stop-after-seconds gave";
  }
}

}  // namespace

gradus::StopRequest& stop_request() {
  static gradus::StopRequest request;
  return request;
}

void hear_of_signals() {
  struct sigaction ask{};
  ask.sa_handler = [](int) { stop_request().ask(); };
  ask.sa_flags = SA_RESTART;
  ::sigaction(SIGUSR1, &ask, nullptr);
  sigset_t passed_on;
  ::sigemptyset(&passed_on);
  ::sigaddset(&passed_on, SIGUSR1);
  ::pthread_sigmask(SIG_UNBLOCK, &passed_on, nullptr);
}

void end_stopped(const Options& options, const std::string& command, bool saved) {
  if (saved) {
    throw gradus::Stopped(stop_reason(options) +
                          ", with everything saved; resume with: " + command);
  }
  throw gradus::ResourceError(
      stop_reason(options) +
      ", and its state could not be saved; resume from an earlier one with: " + command);
}

std::optional<double> seconds_left(const Options& options) {
  if (!options.stop_after_seconds) return std::nullopt;
  const std::chrono::duration<double> gone = std::chrono::steady_clock::now() - program_begin;
  return std::max(*options.stop_after_seconds - gone.count(), 1e-3);
}

}  // namespace cifar10
