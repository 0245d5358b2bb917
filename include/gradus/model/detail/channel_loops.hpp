/// Loops over tensors whose channels lie side by side, for normalization: sums per channel, and one
/// pass that scales, adds and cuts.
#pragma once

#include <gradus/kernel/elements.hpp>
#include <gradus/kernel/for_chunks.hpp>
#include <gradus/kernel/instruction_set.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace gradus::detail {

using kernel::load;
using kernel::store;

/// Not a number stays so, as in LibTorch's.
[[gnu::always_inline]] inline float relu(float value) { return value < 0 ? 0.0F : value; }

/// The part of a gradient that reaches relu's input, whose output was `out`.
[[gnu::always_inline]] inline float passed_by_relu(float gradient, float out) {
  return out > 0 ? gradient : 0.0F;
}

/// How a tensor of `size` elements is walked: in chunks, and in each by periods, a whole number of
/// pixels long, so that inner loops are long also where channels are few. Independent of the
/// number of threads, and so are sums.
struct Walk {
  std::int64_t size;
  std::int64_t channels;
  std::int64_t period = channels * std::max<std::int64_t>(1, 256 / channels);
  std::int64_t chunk = period * std::max<std::int64_t>(1, 32'768 / period);

  [[nodiscard]] std::int64_t chunks() const { return (size + chunk - 1) / chunk; }

  /// `values`, one a channel, over and over for a period.
  [[nodiscard]] std::vector<float> repeat(const float* values) const {
    std::vector<float> repeated(static_cast<std::size_t>(period));
    for (std::int64_t i = 0; i < period; i += channels) {
      std::copy_n(values, channels, repeated.begin() + i);
    }
    return repeated;
  }

  /// Calls `body(first, length)` for each period of a chunk; the last may be shorter.
  template <class Body>
  [[gnu::always_inline]] void each_period(std::int64_t which, const Body& body) const {
    const std::int64_t end = std::min(size, (which + 1) * chunk);
    for (std::int64_t first = which * chunk; first < end; first += period) {
      body(first, std::min(period, end - first));
    }
  }
};

/// Calls `body(c)`, which reads nothing that it wrote for another c: g++, which cannot see that of
/// many pointers, vectorizes it all the same.
template <class Body>
[[gnu::always_inline]] inline void each_independent(std::int64_t count, const Body& body) {
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC ivdep
#endif
  for (std::int64_t c = 0; c < count; ++c) body(c);
}

/// Calls `loop(chunk)`, always inlined, for each chunk, on all threads.
template <class Loop>
void run_chunks(const Walk& walk, const Loop& loop) {
  kernel::for_chunks(walk.chunks(), [&](std::int64_t from, std::int64_t to) {
    kernel::run_wide([&](auto) __attribute__((always_inline)) {
      for (auto chunk = from; chunk < to; ++chunk) loop(chunk);
    });
  });
}

/// Adds `terms(i, c)`, an array of `Sums` floats, of every element `i`, `c` its place in the
/// period, per channel. Returns [Sums, C]. Float within a chunk, double between them.
template <std::size_t Sums, class Terms>
std::vector<double> channel_sums(const Walk& walk, const Terms& terms) {
  const auto channels = static_cast<std::size_t>(walk.channels);
  std::vector<double> parts(static_cast<std::size_t>(walk.chunks()) * Sums * channels);
  run_chunks(walk, [&](std::int64_t chunk) __attribute__((always_inline)) {
    constexpr std::int64_t stack = 1024;
    float on_stack[Sums * stack];
    std::vector<float> on_heap;
    float* sums = on_stack;
    if (walk.period > stack) {
      on_heap.resize(Sums * static_cast<std::size_t>(walk.period));
      sums = on_heap.data();
    }
    std::fill_n(sums, static_cast<std::int64_t>(Sums) * walk.period, 0.0F);
    walk.each_period(
        chunk, [&](std::int64_t at, std::int64_t length) __attribute__((always_inline)) {
          each_independent(length, [&](std::int64_t c) __attribute__((always_inline)) {
            const std::array<float, Sums> terms_here = terms(at + c, c);
            for (std::size_t sum = 0; sum < Sums; ++sum) {
              sums[static_cast<std::int64_t>(sum) * walk.period + c] += terms_here[sum];
            }
          });
        });
    double* part = parts.data() + static_cast<std::size_t>(chunk) * Sums * channels;
    for (std::size_t sum = 0; sum < Sums; ++sum, sums += walk.period, part += channels) {
      for (std::int64_t c = 0; c < walk.period; ++c) part[c % walk.channels] += sums[c];
    }
  });
  std::vector<double> total(Sums * channels);
  for (std::size_t i = 0; i < parts.size(); ++i) total[i % total.size()] += parts[i];
  return total;
}

/// Calls `body(i, c)` for every element `i`, `c` its place in the period.
template <class Body>
void each_element(const Walk& walk, const Body& body) {
  run_chunks(walk, [&](std::int64_t chunk) __attribute__((always_inline)) {
    walk.each_period(
        chunk, [&](std::int64_t at, std::int64_t length) __attribute__((always_inline)) {
          each_independent(length,
                           [&](std::int64_t c) __attribute__((always_inline)) { body(at + c, c); });
        });
  });
}

}  // namespace gradus::detail
