/// The running loss, kept on the device and read once per log interval.
#pragma once

#include <gradus/core/state_dict.hpp>

#include <ATen/core/Tensor.h>
#include <ATen/ops/empty.h>
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
  std::int64_t batch = 0;        ///< of the pass over the data, from 1
  std::int64_t micro_batch = 0;  ///< of the window, from 1
};

/// " at optimizer step 3 (epoch 1, batch 6, micro-batch 2)"
[[nodiscard]] inline std::string at_place(const LossPlace& place) {
  return " at optimizer step " + std::to_string(place.step) + " (epoch " +
         std::to_string(place.epoch) + ", batch " + std::to_string(place.batch) + ", micro-batch " +
         std::to_string(place.micro_batch) + ")";
}

/// What was read: the mean over what the loss averages over, undivided by accumulation, of the
/// passes since the reading before; those of skipped windows do not count.
struct LossReading {
  std::optional<double> mean;           ///< absent if there was no pass
  double sum = 0;                       ///< of losses times their weights
  double weight = 0;                    ///< that the mean is over
  std::optional<LossPlace> not_finite;  ///< the first pass whose loss was not finite
  std::int64_t windows = 0;
  std::int64_t skipped_on_device = 0;  ///< windows; the host had counted them as taken
  std::int64_t skipped_in_a_row = 0;   ///< at the end
  std::optional<double> also;          ///< what was to be read with the losses
};

/// Keeps the losses of single passes, so that an error can name the one.
class LossMeter {
 public:
  /// `loss` [] of a batch of `samples` is a mean over `weight`, above 0.
  void add(const at::Tensor& loss, std::int64_t samples, double weight,
           const LossPlace& place = {}) {
    losses_.push_back(loss.detach());
    passes_.push_back({.samples = samples, .weight = weight, .window = windows(), .place = place});
  }

  /// Ends a window that was taken, or skipped.
  void end_window(bool skipped = false) { fates_.push_back(skipped ? Fate::skipped : Fate::taken); }
  /// Ends a window of which only the device knows: `found_inf` [1] is 1 if it was skipped.
  void end_window(const at::Tensor& found_inf) {
    flagged_.push_back(fates_.size());
    flags_.push_back(found_inf.clone());
    fates_.push_back(Fate::taken);
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

  /// Waits for the device, once. A tensor `also` [] comes to the host with the losses.
  LossReading read(const at::Tensor& also = {}) {
    LossReading reading;
    reading.also = fold(also);
    reading.windows = windows();
    reading.skipped_on_device = std::ranges::count(fates_, Fate::skipped_on_device);
    for (const auto fate : fates_) {
      reading.skipped_in_a_row = fate == Fate::taken ? 0 : reading.skipped_in_a_row + 1;
    }
    double sum = 0;
    double weight = 0;
    for (const auto& pass : passes_) {
      const auto window = static_cast<std::size_t>(pass.window);
      if (window < fates_.size() && fates_[window] != Fate::taken) continue;
      if (!std::isfinite(pass.loss) && !reading.not_finite) reading.not_finite = pass.place;
      sum += pass.loss * pass.weight;
      weight += pass.weight;
      total_samples_ += pass.samples;
    }
    if (weight > 0) reading.mean = sum / weight;
    reading.sum = sum;
    reading.weight = weight;
    total_sum_ += sum;
    total_weight_ += weight;
    passes_.clear();
    fates_.clear();
    return reading;
  }

  /// Windows since the reading before that only the device knew to be skipped. Waits for it.
  [[nodiscard]] std::int64_t skipped_on_device() {
    fold();
    return std::ranges::count(fates_, Fate::skipped_on_device);
  }

  /// Over everything read so far; absent if that is nothing.
  [[nodiscard]] std::optional<double> mean() const {
    if (!(total_weight_ > 0)) return std::nullopt;
    return total_sum_ / total_weight_;
  }
  /// Likewise since the last call of this.
  [[nodiscard]] std::optional<double> take_mean() {
    const auto mean = this->mean();
    total_sum_ = total_weight_ = 0;
    return mean;
  }
  [[nodiscard]] std::int64_t samples() const { return total_samples_; }

  /// Waits for the device; the next reading is what it would have been.
  void save(StateDict& to) {
    fold();
    const auto count = static_cast<std::int64_t>(passes_.size());
    auto losses = at::empty({count}, at::kDouble);
    auto weights = at::empty({count}, at::kDouble);
    auto places = at::empty({count, 6}, at::kLong);
    for (std::int64_t i = 0; i < count; ++i) {
      const auto& [samples, weight, window, place, loss] = passes_[static_cast<std::size_t>(i)];
      losses[i] = loss;
      weights[i] = weight;
      const std::array row{samples,    window,      place.epoch,
                           place.step, place.batch, place.micro_batch};
      for (std::size_t k = 0; k < row.size(); ++k) places[i][static_cast<std::int64_t>(k)] = row[k];
    }
    auto fates = at::empty({windows()}, at::kLong);
    for (std::int64_t i = 0; i < windows(); ++i) {
      fates[i] = static_cast<std::int64_t>(fates_[static_cast<std::size_t>(i)]);
    }
    to.put("losses", losses);
    to.put("weights", weights);
    to.put("places", places);
    to.put("fates", fates);
    to.put("total_sum", total_sum_);
    to.put("total_weight", total_weight_);
    to.put("total_samples", total_samples_);
  }
  void load(const StateDict& from) {
    const auto losses = from.copy("losses");
    const auto weights = from.copy("weights");
    const auto places = from.copy("places");
    const auto fates = from.copy("fates");
    *this = LossMeter();
    for (std::int64_t i = 0; i < losses.numel(); ++i) {
      const auto row = [&](std::int64_t k) { return places[i][k].item<std::int64_t>(); };
      passes_.push_back({.samples = row(0),
                         .weight = weights[i].item<double>(),
                         .window = row(1),
                         .place = {row(2), row(3), row(4), row(5)},
                         .loss = losses[i].item<double>()});
    }
    for (std::int64_t i = 0; i < fates.numel(); ++i) {
      fates_.push_back(static_cast<Fate>(fates[i].item<std::int64_t>()));
    }
    total_sum_ = from.real("total_sum");
    total_weight_ = from.real("total_weight");
    total_samples_ = from.number("total_samples");
  }

 private:
  /// What became of a window.
  enum class Fate : std::int64_t { taken, skipped, skipped_on_device };

  struct Pass {
    std::int64_t samples = 0;
    double weight = 0;
    std::int64_t window = 0;  ///< since the reading before, from 0
    LossPlace place{};
    double loss = 0;  ///< once it is on the host
  };

  [[nodiscard]] std::int64_t windows() const { return static_cast<std::int64_t>(fates_.size()); }

  static std::vector<double> on_host(const std::vector<at::Tensor>& scalars) {
    if (scalars.empty()) return {};
    const auto values = at::stack(scalars).to(at::kCPU, at::kDouble).reshape({-1}).contiguous();
    const auto* begin = values.const_data_ptr<double>();
    return {begin, begin + values.numel()};
  }

  /// Brings to the host what is still on the device, and `also`, whose value it returns.
  std::optional<double> fold(const at::Tensor& also = {}) {
    auto scalars = losses_;
    if (also.defined()) scalars.push_back(also);
    const auto values = on_host(scalars);
    const auto folded = passes_.size() - losses_.size();
    for (std::size_t i = 0; i < losses_.size(); ++i) passes_[folded + i].loss = values[i];
    const auto flags = on_host(flags_);
    for (std::size_t i = 0; i < flags.size(); ++i) {
      if (flags[i] != 0) fates_[flagged_[i]] = Fate::skipped_on_device;
    }
    losses_.clear();
    flags_.clear();
    flagged_.clear();
    return also.defined() ? std::optional(values.back()) : std::nullopt;
  }

  std::vector<at::Tensor> losses_;    ///< [] each, on the device: of the last passes
  std::vector<at::Tensor> flags_;     ///< [1] each, on the device
  std::vector<std::size_t> flagged_;  ///< windows that the flags are of
  std::vector<Pass> passes_;          ///< since the reading before
  std::vector<Fate> fates_;           ///< of each window since then
  double total_sum_ = 0;
  double total_weight_ = 0;
  std::int64_t total_samples_ = 0;
};

}  // namespace gradus
