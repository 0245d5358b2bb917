/// The parts that the batches of a window have in its gradient.
#pragma once

#include <gradus/core/batch.hpp>
#include <gradus/train/model/gradients.hpp>

#include <ATen/ops/_foreach_mul.h>

#include <algorithm>
#include <cstdint>
#include <vector>

namespace gradus {

/// The gradient of a window is that of the mean over all that counts in it, whichever batch it is
/// in. How much that is, is known when the last batch has come, but a batch is done with before:
/// each is weighted as if all samples of the window counted as much as those of its first batch,
/// and the error is corrected once, at the end. Mostly there is none.
class WindowWeight {
 public:
  /// Takes it to weigh `expected` in all, where that is above 0.
  explicit WindowWeight(std::int64_t samples, double expected = 0)
      : samples_(samples), expected_(expected) {}

  /// The factor of the mean loss of a batch of `held` samples, whose weight is above 0.
  double add(std::int64_t held, double weight) {
    if (expected_ == 0) {
      const auto size = static_cast<double>(held);
      const auto samples = static_cast<double>(samples_);
      expected_ = size == samples ? weight : samples * (weight / size);
    }
    total_ += weight;
    return weight / expected_;
  }

  /// Before `add`: takes the window to weigh a power of two more, until the factor of this batch is
  /// at most its part of the samples. Returns the factor of the gradients so far, which rounds
  /// nothing.
  double make_room(std::int64_t held, double weight) {
    if (expected_ == 0) return 1;
    const double all = static_cast<double>(samples_) * (weight / static_cast<double>(held));
    double factor = 1;
    for (; all > expected_; factor /= 2) expected_ *= 2;
    return factor;
  }

  /// What the window was taken to weigh.
  [[nodiscard]] double expected() const { return expected_; }
  /// Whether no target of the window counts.
  [[nodiscard]] bool empty() const { return total_ == 0; }
  /// The factor of the gradients at the end; 1 where all was as expected.
  [[nodiscard]] double correction() const { return expected_ / total_; }

 private:
  std::int64_t samples_;
  double expected_ = 0;
  double total_ = 0;
};

/// Adds a batch to `window` before its backward pass in `step`, a ModelStep. Returns the factor of
/// its mean loss. Where gradients are scaled that is never above the batch's part of the samples,
/// for a batch much heavier than those before it would overflow 16 bits.
template <class Step>
double add_batch(Step& step, WindowWeight& window, std::int64_t samples, double weight) {
  if constexpr (Step::Traits::has_scaler) {
    const double factor = step.scaler() == nullptr ? 1 : window.make_room(samples, weight);
    const auto gradients =
        factor == 1 ? std::vector<at::Tensor>() : gradients_of(step.parameters());
    if (!gradients.empty()) at::_foreach_mul_(gradients, factor);
  }
  return window.add(samples, weight);
}

/// Whether each sample of a window weighs the same, so that the parts of its batches are those of
/// their samples.
template <class B>
[[nodiscard]] bool even(const std::vector<Weighed<B>>& window) {
  const auto& first = window.front();
  return std::all_of(window.begin(), window.end(), [&](const Weighed<B>& batch) {
    return batch.weight * static_cast<double>(first.size()) ==
           first.weight * static_cast<double>(batch.size());
  });
}

}  // namespace gradus
