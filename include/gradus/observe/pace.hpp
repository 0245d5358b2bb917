/// How fast a run goes and how long it will still take.
#pragma once

#include <gradus/core/events.hpp>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <optional>

namespace gradus::observe {

/// Estimates from the steps done so far. The first steps (1 in 100, from 1 to 10 of them) are not
/// counted: they pay for start-up. The others are weighted by age with a half-life of a twentieth
/// of the run, so that epochs of unequal cost are followed, not averaged. Evaluation is measured
/// apart, and added once for each epoch to come, where their number is known.
class Pace {
 public:
  void on(const FitBegin& event) {
    *this = Pace();
    epochs_ = event.epochs;
  }

  /// `now`: seconds of a monotonic clock.
  void on(const StepEnd& event, double now) {
    total_ = event.total_steps;
    last_wall_ = now;
    if (first_step_ == none) first_step_ = event.step - 1;
    const std::int64_t ignored = std::clamp<std::int64_t>((total_ - first_step_) / 100, 1, 10);
    if (last_step_ != none && event.step - first_step_ > ignored) add(event);
    last_step_ = event.step;
    last_samples_ = event.samples;
    last_seconds_ = event.train_seconds;
  }

  /// The time since the last step was not training: evaluation, checkpoints.
  void on(const EpochEnd& event, double now) {
    epochs_left_ = std::max<std::int64_t>(0, event.epochs - event.record.epoch);
    if (last_step_ != none) pause_ = std::max(0.0, now - last_wall_);
  }

  [[nodiscard]] std::optional<double> samples_per_second() const {
    if (!(seconds_ > 0)) return std::nullopt;
    return samples_ / seconds_;
  }

  /// Seconds until the run ends, counted from the last step; none while too little is known.
  [[nodiscard]] std::optional<double> seconds_left() const {
    if (!(steps_ > 0)) return std::nullopt;
    const auto left = static_cast<double>(std::max<std::int64_t>(0, total_ - last_step_));
    const auto pauses = static_cast<double>(epochs_left_.value_or(epochs_));
    return left * seconds_ / steps_ + pauses * pause_;
  }

 private:
  static constexpr std::int64_t none = -1;

  void add(const StepEnd& event) {
    const auto steps = static_cast<double>(event.step - last_step_);
    const double half_life = std::max(10.0, static_cast<double>(total_) / 20);
    const double kept = std::exp2(-std::max(0.0, steps) / half_life);
    steps_ = steps_ * kept + steps;
    seconds_ = seconds_ * kept + event.train_seconds - last_seconds_;
    samples_ = samples_ * kept + static_cast<double>(event.samples - last_samples_);
  }

  std::int64_t epochs_ = 0;
  std::optional<std::int64_t> epochs_left_{};
  std::int64_t total_ = 0;
  std::int64_t first_step_ = none;  ///< steps done before this process: a resumed run
  std::int64_t last_step_ = none;
  std::int64_t last_samples_ = 0;
  double last_seconds_ = 0;
  double last_wall_ = 0;
  double pause_ = 0;  ///< seconds without training at the last end of an epoch
  double steps_ = 0;  ///< weighted sums
  double seconds_ = 0;
  double samples_ = 0;
};

}  // namespace gradus::observe
