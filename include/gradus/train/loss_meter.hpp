/// The running loss, kept on the device and read once per log interval.
#pragma once

#include <gradus/core/state_dict.hpp>

#include <ATen/core/Tensor.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/scalar_tensor.h>
#include <ATen/ops/stack.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace gradus {

/// Of which pass a loss is.
struct LossPlace {
  std::int64_t epoch = 0;        ///< from 1
  std::int64_t step = 0;         ///< window of the run, from 1
  std::int64_t batch = 0;        ///< of the epoch, from 1
  std::int64_t micro_batch = 0;  ///< of the window, from 1
};

/// " at optimizer step 3 (epoch 1, batch 6, micro-batch 2)"
[[nodiscard]] inline std::string at_place(const LossPlace& place) {
  return " at optimizer step " + std::to_string(place.step) + " (epoch " +
         std::to_string(place.epoch) + ", batch " + std::to_string(place.batch) + ", micro-batch " +
         std::to_string(place.micro_batch) + ")";
}

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
    passes_.push_back({.samples = samples, .window = windows(), .place = place});
  }

  /// Ends a window that was taken, or skipped.
  void end_window(bool skipped = false) { skipped_.push_back(skipped); }
  /// Ends a window of which only the device knows: `found_inf` [1] is 1 if it was skipped.
  void end_window(const at::Tensor& found_inf) {
    flagged_.push_back(skipped_.size());
    flags_.push_back(found_inf.clone());
    skipped_.push_back(false);
  }

  /// Forgets the passes of the window that is not yet ended.
  void drop_open_window() {
    while (!losses_.empty() && passes_.back().window == windows()) {
      losses_.pop_back();
      passes_.pop_back();
    }
  }

  /// Losses of the passes of the window that is not yet ended.
  [[nodiscard]] std::vector<at::Tensor> open_window() const {
    std::vector<at::Tensor> open;
    const auto folded = passes_.size() - losses_.size();
    for (std::size_t i = 0; i < losses_.size(); ++i) {
      if (passes_[folded + i].window == windows()) open.push_back(losses_[i]);
    }
    return open;
  }

  /// Waits for the device, once.
  LossReading read() {
    fold();
    LossReading reading;
    reading.windows = windows();
    for (const bool skip : skipped_) {
      reading.skipped += skip ? 1 : 0;
      reading.skipped_in_a_row = skip ? reading.skipped_in_a_row + 1 : 0;
    }
    double sum = 0;
    std::int64_t samples = 0;
    for (const auto& pass : passes_) {
      const auto window = static_cast<std::size_t>(pass.window);
      if (window < skipped_.size() && skipped_[window]) continue;
      if (!std::isfinite(pass.loss) && !reading.not_finite) reading.not_finite = pass.place;
      sum += pass.loss * static_cast<double>(pass.samples);
      samples += pass.samples;
    }
    if (samples > 0) reading.mean = sum / static_cast<double>(samples);
    total_sum_ += sum;
    total_samples_ += samples;
    passes_.clear();
    skipped_.clear();
    return reading;
  }

  /// Windows since the reading before that were skipped. Waits for the device.
  [[nodiscard]] std::int64_t skipped() {
    fold();
    return std::ranges::count(skipped_, true);
  }

  /// Over everything read so far.
  [[nodiscard]] double mean() const {
    return total_samples_ == 0 ? 0 : total_sum_ / static_cast<double>(total_samples_);
  }
  [[nodiscard]] std::int64_t samples() const { return total_samples_; }

  /// Waits for the device; the next reading is what it would have been.
  void save(StateDict& to) {
    fold();
    const auto count = static_cast<std::int64_t>(passes_.size());
    auto losses = at::empty({count}, at::kDouble);
    auto places = at::empty({count, 6}, at::kLong);
    for (std::int64_t i = 0; i < count; ++i) {
      const auto& [samples, window, place, loss] = passes_[static_cast<std::size_t>(i)];
      losses[i] = loss;
      const std::array row{samples,    window,      place.epoch,
                           place.step, place.batch, place.micro_batch};
      for (std::size_t k = 0; k < row.size(); ++k) places[i][static_cast<std::int64_t>(k)] = row[k];
    }
    auto skipped = at::empty({windows()}, at::kLong);
    for (std::int64_t i = 0; i < windows(); ++i) {
      skipped[i] = static_cast<std::int64_t>(skipped_[static_cast<std::size_t>(i)]);
    }
    to.put("losses", losses);
    to.put("places", places);
    to.put("skipped", skipped);
    to.put("total_sum", at::scalar_tensor(total_sum_, at::kDouble));
    to.put("total_samples", total_samples_);
  }
  void load(const StateDict& from) {
    const auto losses = from.copy("losses");
    const auto places = from.copy("places");
    const auto skipped = from.copy("skipped");
    *this = LossMeter();
    for (std::int64_t i = 0; i < losses.numel(); ++i) {
      const auto row = [&](std::int64_t k) { return places[i][k].item<std::int64_t>(); };
      passes_.push_back(
          {row(0), row(1), {row(2), row(3), row(4), row(5)}, losses[i].item<double>()});
    }
    for (std::int64_t i = 0; i < skipped.numel(); ++i) {
      skipped_.push_back(skipped[i].item<std::int64_t>() != 0);
    }
    total_sum_ = from.copy("total_sum").item<double>();
    total_samples_ = from.number("total_samples");
  }

 private:
  struct Pass {
    std::int64_t samples = 0;
    std::int64_t window = 0;  ///< since the reading before, from 0
    LossPlace place{};
    double loss = 0;  ///< once it is on the host
  };

  [[nodiscard]] std::int64_t windows() const { return static_cast<std::int64_t>(skipped_.size()); }

  static std::vector<double> on_host(const std::vector<at::Tensor>& scalars) {
    if (scalars.empty()) return {};
    const auto values = at::stack(scalars).to(at::kCPU, at::kDouble).reshape({-1}).contiguous();
    const auto* begin = values.const_data_ptr<double>();
    return {begin, begin + values.numel()};
  }

  /// Brings to the host what is still on the device.
  void fold() {
    const auto losses = on_host(losses_);
    const auto folded = passes_.size() - losses.size();
    for (std::size_t i = 0; i < losses.size(); ++i) passes_[folded + i].loss = losses[i];
    const auto flags = on_host(flags_);
    for (std::size_t i = 0; i < flags.size(); ++i) skipped_[flagged_[i]] = flags[i] != 0;
    losses_.clear();
    flags_.clear();
    flagged_.clear();
  }

  std::vector<at::Tensor> losses_;    ///< [] each, on the device: of the last passes
  std::vector<at::Tensor> flags_;     ///< [1] each, on the device
  std::vector<std::size_t> flagged_;  ///< windows that the flags are of
  std::vector<Pass> passes_;          ///< since the reading before
  std::vector<bool> skipped_;         ///< of each window since then
  double total_sum_ = 0;
  std::int64_t total_samples_ = 0;
};

}  // namespace gradus
