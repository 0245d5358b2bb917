/// The one arithmetic of batches, windows and optimizer steps; the loop, the schedule and the
/// progress display all count with it.
#pragma once

#include <algorithm>
#include <cstdint>

namespace gradus {

/// A window is the micro-batches of one optimizer step. The last window of an epoch may be short,
/// and so may the last batch: every sample is used exactly once an epoch. More micro-batches a step
/// than an epoch has make one window an epoch.
///
/// 50,000 samples, batch 128, 4 micro-batches a step: 391 batches, 98 steps an epoch.
struct StepPlan {
  std::int64_t samples = 0;       ///< per epoch
  std::int64_t batch_size = 1;    ///< samples per micro-batch
  std::int64_t accumulation = 1;  ///< micro-batches per optimizer step
  std::int64_t epochs = 1;

  [[nodiscard]] constexpr std::int64_t batches() const {  ///< per epoch
    return divide_up(samples, batch_size);
  }
  [[nodiscard]] constexpr std::int64_t steps() const {  ///< per epoch
    return divide_up(batches(), accumulation);
  }
  [[nodiscard]] constexpr std::int64_t total_steps() const { return steps() * epochs; }

  [[nodiscard]] constexpr std::int64_t first_batch(std::int64_t window) const {
    return window * accumulation;
  }
  [[nodiscard]] constexpr std::int64_t window_batches(std::int64_t window) const {
    return std::min(accumulation, batches() - first_batch(window));
  }
  [[nodiscard]] constexpr std::int64_t window_samples(std::int64_t window) const {
    const auto first = first_batch(window) * batch_size;
    return std::min(samples - first, window_batches(window) * batch_size);
  }

 private:
  static constexpr std::int64_t divide_up(std::int64_t a, std::int64_t b) {  // never overflows
    return a / b + (a % b == 0 ? 0 : 1);
  }
};

}  // namespace gradus
