/// The parts that the batches of a window have in its gradient.
#pragma once

#include <gradus/core/batch.hpp>

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
