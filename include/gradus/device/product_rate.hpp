/// How fast a device multiplies matrices: what the rate of a training is a share of.
#pragma once

#include <ATen/Context.h>
#include <ATen/detail/CUDAHooksInterface.h>
#include <ATen/ops/mm.h>
#include <ATen/ops/rand.h>
#include <c10/core/Device.h>
#include <c10/core/ScalarType.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <limits>

namespace gradus {

/// Floating-point operations a second of large square products in `type`, with the threads and the
/// settings that hold now: the best of a tenth of a second. A data sheet says more than any program
/// reaches; this is what a program can.
[[nodiscard]] inline double product_rate(c10::Device device, c10::ScalarType type) {
  using Clock = std::chrono::steady_clock;
  constexpr double enough = 0.1;
  const std::int64_t side = device.is_cuda() ? 8192 : 768;
  auto generator = at::globalContext().defaultGenerator(device);
  const auto before = generator.get_state();
  const auto random = [&] { return at::rand({side, side}, at::device(device)).to(type); };
  const auto a = random(), b = random();
  generator.set_state(before);
  const auto seconds_of_one = [&] {
    const auto begun = Clock::now();
    static_cast<void>(at::mm(a, b));
    if (device.is_cuda()) at::detail::getCUDAHooks().deviceSynchronize(device.index());
    return std::chrono::duration<double>(Clock::now() - begun).count();
  };
  seconds_of_one();  // warms up
  double least = std::numeric_limits<double>::infinity();
  for (double spent = 0; spent < enough;) {
    const double took = seconds_of_one();
    spent += took;
    least = std::min(least, took);
  }
  return 2.0 * static_cast<double>(side * side * side) / least;
}

}  // namespace gradus
