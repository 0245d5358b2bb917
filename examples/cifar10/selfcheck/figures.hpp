/// Measuring and writing down, for the checks.
#pragma once

#include <ATen/detail/CUDAHooksInterface.h>
#include <c10/core/Device.h>

#include <chrono>
#include <cstdint>
#include <cstdio>
#include <string>

namespace cifar10::checks {

/// Three digits, as people write them.
inline std::string short_number(double value) {
  char text[32];
  std::snprintf(text, sizeof text, value != 0 && (value < 0.01 || value >= 1e6) ? "%.1e" : "%.3g",
                value);
  return text;
}

/// Waits for all that was asked of the device.
inline void wait_for(c10::Device device) {
  if (device.is_cuda()) at::detail::getCUDAHooks().deviceSynchronize(device.index());
}

/// Seconds that one call takes on the device: the mean over a tenth of a second, after one call
/// that does not count.
template <class Action>
double seconds_of(c10::Device device, Action action) {
  using Clock = std::chrono::steady_clock;
  constexpr double enough = 0.1;
  action();
  wait_for(device);
  const auto begun = Clock::now();
  double seconds = 0;
  std::int64_t calls = 0;
  for (std::int64_t next = 1; seconds < enough; next *= 2) {
    for (std::int64_t call = 0; call < next; ++call) action();
    wait_for(device);
    calls += next;
    seconds = std::chrono::duration<double>(Clock::now() - begun).count();
  }
  return seconds / static_cast<double>(calls);
}

}  // namespace cifar10::checks
