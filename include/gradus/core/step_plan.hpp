/// The one arithmetic of batches, windows and optimizer steps; the loop, the schedule and the
/// progress display all count with it.
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>

namespace gradus {

/// A window is the micro-batches of one optimizer step. The last window of an epoch may be short,
/// and so may the last batch: every sample is used exactly once an epoch, unless short batches are
/// dropped or batches limited. More micro-batches a step than an epoch has make one window an
/// epoch.
///
/// 50,000 samples, batch 128, 4 micro-batches a step: 391 batches, 98 steps an epoch.
struct StepPlan {
  std::int64_t samples = 0;       ///< per epoch
  std::int64_t batch_size = 1;    ///< samples per micro-batch
  std::int64_t accumulation = 1;  ///< micro-batches per optimizer step
  std::int64_t epochs = 1;
  bool drop_last = false;                      ///< leave out a last batch that would be short
  std::optional<std::int64_t> limit = {};      ///< batches per epoch at most
  std::optional<std::int64_t> max_steps = {};  ///< of the run, in place of `epochs`

  [[nodiscard]] constexpr std::int64_t batches() const {  ///< per epoch
    const auto all = drop_last ? samples / batch_size : divide_up(samples, batch_size);
    return std::min(all, limit.value_or(all));
  }
  [[nodiscard]] constexpr std::int64_t steps() const {  ///< per epoch
    return divide_up(batches(), accumulation);
  }
  [[nodiscard]] constexpr std::int64_t total_steps() const {
    return max_steps.value_or(steps() * epochs);
  }
  /// Epochs that begin.
  [[nodiscard]] constexpr std::int64_t total_epochs() const {
    return max_steps && steps() > 0 ? divide_up(*max_steps, steps()) : epochs;
  }
  /// Of epoch `epoch`, from 0: the last one of a run of so many steps may be cut short.
  [[nodiscard]] constexpr std::int64_t steps_of(std::int64_t epoch) const {
    return std::min(steps(), total_steps() - epoch * steps());
  }
  [[nodiscard]] constexpr std::int64_t batches_of(std::int64_t epoch) const {
    return std::min(batches(), steps_of(epoch) * accumulation);
  }

  [[nodiscard]] constexpr std::int64_t samples_used() const {  ///< per epoch
    return std::min(samples, batches() * batch_size);
  }
  [[nodiscard]] constexpr std::int64_t smallest_batch() const {  ///< samples
    return samples_used() - (batches() - 1) * batch_size;
  }

  [[nodiscard]] constexpr std::int64_t first_batch(std::int64_t window) const {
    return window * accumulation;
  }
  [[nodiscard]] constexpr std::int64_t window_batches(std::int64_t window) const {
    return std::min(accumulation, batches() - first_batch(window));
  }
  [[nodiscard]] constexpr std::int64_t window_samples(std::int64_t window) const {
    const auto first = first_batch(window) * batch_size;
    return std::min(samples_used() - first, window_batches(window) * batch_size);
  }

 private:
  static constexpr std::int64_t divide_up(std::int64_t a, std::int64_t b) {  // never overflows
    return a / b + (a % b == 0 ? 0 : 1);
  }
};

}  // namespace gradus
