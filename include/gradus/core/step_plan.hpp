/// The one arithmetic of batches, windows and optimizer steps; the loop, the schedule and the
/// progress display all count with it.
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>

namespace gradus {

/// A window is the micro-batches of one optimizer step. The last window of a pass over the data may
/// be short, and so may the last batch: every sample is used exactly once a pass, unless short
/// batches are dropped or batches limited. More micro-batches a step than a pass has make one
/// window a pass. Windows are numbered from 0 over the whole run.
///
/// 50,000 samples, batch 128, 4 micro-batches a step: 391 batches, 98 steps a pass.
struct StepPlan {
  /// Samples of a pass over data whose end is not known.
  static constexpr std::int64_t endless = std::int64_t{1} << 60;

  std::int64_t samples = 0;       ///< per pass
  std::int64_t batch_size = 1;    ///< samples per micro-batch
  std::int64_t accumulation = 1;  ///< micro-batches per optimizer step
  std::int64_t epochs = 1;
  bool drop_last = false;                            ///< leave out a last batch that would be short
  std::optional<std::int64_t> limit = {};            ///< batches per pass at most
  std::optional<std::int64_t> max_steps = {};        ///< of the run, in place of `epochs`
  std::optional<std::int64_t> steps_per_epoch = {};  ///< in place of a pass over the data

  [[nodiscard]] constexpr std::int64_t batches() const {  ///< per pass
    const auto all = drop_last ? samples / batch_size : divide_up(samples, batch_size);
    return std::min(all, limit.value_or(all));
  }
  [[nodiscard]] constexpr std::int64_t pass_steps() const {
    return divide_up(batches(), accumulation);
  }
  [[nodiscard]] constexpr std::int64_t steps() const {  ///< per epoch
    return steps_per_epoch.value_or(pass_steps());
  }
  [[nodiscard]] constexpr std::int64_t total_steps() const {
    return max_steps.value_or(steps() * epochs);
  }
  /// Epochs that begin.
  [[nodiscard]] constexpr std::int64_t total_epochs() const {
    return max_steps && steps() > 0 ? divide_up(*max_steps, steps()) : epochs;
  }

  [[nodiscard]] constexpr std::int64_t samples_used() const {  ///< per pass
    return std::min(samples, batches() * batch_size);
  }
  [[nodiscard]] constexpr std::int64_t epoch_samples() const {  ///< of the first epoch
    const auto whole = steps() / std::max<std::int64_t>(pass_steps(), 1);
    const auto rest = steps() - whole * pass_steps();
    return whole * samples_used() + std::min(samples_used(), first_batch(rest) * batch_size);
  }
  [[nodiscard]] constexpr std::int64_t smallest_batch() const {  ///< samples
    return samples_used() - (batches() - 1) * batch_size;
  }

  [[nodiscard]] constexpr std::int64_t pass_of(std::int64_t window) const {  ///< from 0
    return window / pass_steps();
  }
  [[nodiscard]] constexpr bool begins_pass(std::int64_t window) const {
    return window % pass_steps() == 0;
  }
  /// Within its pass, from 0.
  [[nodiscard]] constexpr std::int64_t first_batch(std::int64_t window) const {
    return window % pass_steps() * accumulation;
  }
  [[nodiscard]] constexpr std::int64_t window_batches(std::int64_t window) const {
    return std::min(accumulation, batches() - first_batch(window));
  }
  [[nodiscard]] constexpr std::int64_t window_samples(std::int64_t window) const {
    const auto first = first_batch(window) * batch_size;
    return std::min(samples_used() - first, window_batches(window) * batch_size);
  }
  /// From `window` to the end of its pass, or of the run.
  [[nodiscard]] constexpr std::int64_t batches_left(std::int64_t window) const {
    const auto of_pass = batches() - first_batch(window);
    const auto windows = total_steps() - window;
    return windows < divide_up(of_pass, accumulation) ? windows * accumulation : of_pass;
  }

 private:
  static constexpr std::int64_t divide_up(std::int64_t a, std::int64_t b) {  // never overflows
    return a / b + (a % b == 0 ? 0 : 1);
  }
};

}  // namespace gradus
