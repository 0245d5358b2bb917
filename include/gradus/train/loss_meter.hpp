/// The running loss, kept on the device and read once per log interval.
#pragma once

#include <ATen/core/Tensor.h>
#include <ATen/ops/stack.h>

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

namespace gradus {

/// Of which pass a loss is.
struct LossPlace {
  std::int64_t epoch = 0;        ///< from 1
  std::int64_t step = 0;         ///< window of the run, from 1
  std::int64_t batch = 0;        ///< of the epoch, from 1
  std::int64_t micro_batch = 0;  ///< of the window, from 1
};

/// What was read: the mean per sample, undivided by accumulation, of the passes since the reading
/// before; those of skipped windows do not count.
struct LossReading {
  std::optional<double> mean;           ///< absent if there was no pass
  std::optional<LossPlace> not_finite;  ///< the first pass whose loss was not finite
  std::int64_t windows = 0;
  std::int64_t skipped = 0;           ///< windows
  std::int64_t skipped_in_a_row = 0;  ///< at the end
};

/// Keeps the losses of single passes, so that an error can name the one.
class LossMeter {
 public:
  /// `loss` [] is the mean over `samples`.
  void add(const at::Tensor& loss, std::int64_t samples, const LossPlace& place = {}) {
    losses_.push_back(loss.detach());
    passes_.push_back({samples, windows_, place});
  }

  /// Ends a window that was taken, or skipped.
  void end_window(bool skipped = false) {
    if (skipped) known_skipped_.push_back(windows_);
    ++windows_;
  }
  /// Ends a window of which only the device knows: `found_inf` [1] is 1 if it was skipped.
  void end_window(const at::Tensor& found_inf) {
    flags_.push_back(found_inf.clone());
    flagged_.push_back(windows_++);
  }

  /// Losses of the passes of the window that is not yet ended.
  [[nodiscard]] std::vector<at::Tensor> open_window() const {
    std::vector<at::Tensor> open;
    for (std::size_t i = 0; i < losses_.size(); ++i) {
      if (passes_[i].window == windows_) open.push_back(losses_[i]);
    }
    return open;
  }

  /// Waits for the device, once.
  LossReading read() {
    LossReading reading;
    reading.windows = windows_;
    const auto skipped = skipped_windows();
    for (const bool skip : skipped) {
      reading.skipped += skip ? 1 : 0;
      reading.skipped_in_a_row = skip ? reading.skipped_in_a_row + 1 : 0;
    }
    double sum = 0;
    std::int64_t samples = 0;
    const auto values = on_host(losses_);
    for (std::size_t i = 0; i < values.size(); ++i) {
      const auto window = static_cast<std::size_t>(passes_[i].window);
      if (window < skipped.size() && skipped[window]) continue;
      if (!std::isfinite(values[i]) && !reading.not_finite) reading.not_finite = passes_[i].place;
      sum += values[i] * static_cast<double>(passes_[i].samples);
      samples += passes_[i].samples;
    }
    if (samples > 0) reading.mean = sum / static_cast<double>(samples);
    total_sum_ += sum;
    total_samples_ += samples;
    forget();
    return reading;
  }

  /// Over everything read so far.
  [[nodiscard]] double mean() const {
    return total_samples_ == 0 ? 0 : total_sum_ / static_cast<double>(total_samples_);
  }
  [[nodiscard]] std::int64_t samples() const { return total_samples_; }

 private:
  struct Pass {
    std::int64_t samples;
    std::int64_t window;  ///< since the reading before, from 0
    LossPlace place;
  };

  static std::vector<double> on_host(const std::vector<at::Tensor>& scalars) {
    if (scalars.empty()) return {};
    const auto values = at::stack(scalars).to(at::kCPU, at::kDouble).reshape({-1}).contiguous();
    const auto* begin = values.const_data_ptr<double>();
    return {begin, begin + values.numel()};
  }

  [[nodiscard]] std::vector<bool> skipped_windows() const {
    std::vector<bool> skipped(static_cast<std::size_t>(windows_));
    for (const auto window : known_skipped_) skipped[static_cast<std::size_t>(window)] = true;
    const auto flags = on_host(flags_);
    for (std::size_t i = 0; i < flags.size(); ++i) {
      skipped[static_cast<std::size_t>(flagged_[i])] = flags[i] != 0;
    }
    return skipped;
  }

  void forget() {
    losses_.clear();
    passes_.clear();
    known_skipped_.clear();
    flags_.clear();
    flagged_.clear();
    windows_ = 0;
  }

  std::vector<at::Tensor> losses_;  ///< [] each, on the device
  std::vector<Pass> passes_;
  std::vector<std::int64_t> known_skipped_;
  std::vector<at::Tensor> flags_;  ///< [1] each, on the device
  std::vector<std::int64_t> flagged_;
  std::int64_t windows_ = 0;
  double total_sum_ = 0;
  std::int64_t total_samples_ = 0;
};

}  // namespace gradus
