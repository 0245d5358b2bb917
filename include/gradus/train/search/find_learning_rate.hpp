/// A search for the learning rate: one short run in which the rate rises from far too low to far
/// too high.
#pragma once

#include <gradus/core/stop_request.hpp>
#include <gradus/policy/distribution/single_process.hpp>
#include <gradus/policy/schedule/concept.hpp>
#include <gradus/policy/stopping/all_epochs.hpp>
#include <gradus/train/edit.hpp>
#include <gradus/train/model/keep_model.hpp>
#include <gradus/train/trainer.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <string_view>
#include <vector>

namespace gradus {

/// What find_learning_rate tries: rates that rise from `lowest` to `highest` by equal factors.
struct LearningRateSearch {
  double lowest = 1e-6;
  double highest = 1;
  std::int64_t steps = 100;  ///< optimizer steps, 3 at least
  double smoothing = 0.9;    ///< of the losses, in [0, 1)
};

/// The losses that were found, and the rate at which the loss fell fastest.
struct LearningRateCurve {
  std::vector<double> rates;
  std::vector<double> losses;  ///< smoothed, unbiased
  double suggestion = 0;
};

namespace detail {

/// `first` at the first step, times `factor` at each that follows.
struct RisingRate {
  using slot = slot::schedule;
  static constexpr std::string_view name = "RisingRate";

  double first = 1e-6;
  double factor = 2;

  static constexpr auto fields() {
    return fields_of(field("first", &RisingRate::first, positive_float(), "first rate"),
                     field("factor", &RisingRate::factor, positive(), "from step to step"));
  }

  [[nodiscard]] Rates at(std::int64_t step, std::int64_t, double) const {
    return {first * std::pow(factor, static_cast<double>(step)), std::nullopt};
  }
};
static_assert(SchedulePolicy<RisingRate>);

/// Notes rates and losses, and ends the search when the smoothed loss has risen too far: by `most`
/// times what was gained before, or what the first tenth of the losses spread over, if that is
/// more. Differences alone count, for a constant added to a loss changes nothing in its training.
class CurveRecorder {
 public:
  CurveRecorder(double smoothing, std::int64_t steps, const StopRequest* outer)
      : smoothing_(smoothing),
        first_tenth_(static_cast<std::size_t>(std::max<std::int64_t>(steps / 10, 3))),
        outer_(outer) {}

  void on(const StepEnd& event) {
    if (outer_ != nullptr && outer_->asked()) stop_.ask();
    if (!event.train_loss) return;
    mean_ = smoothing_ * mean_ + (1 - smoothing_) * *event.train_loss;
    const auto count = static_cast<double>(curve.losses.size() + 1);
    curve.rates.push_back(event.learning_rate);
    curve.losses.push_back(mean_ / (1 - std::pow(smoothing_, count)));
    if (curve.losses.size() <= first_tenth_) {
      lowest_ = std::min(lowest_, *event.train_loss);
      highest_ = std::max(highest_, *event.train_loss);
    }
    const auto best = std::min_element(curve.losses.begin(), curve.losses.end());
    const double gained = *std::max_element(curve.losses.begin(), best + 1) - *best;
    const double rise = curve.losses.back() - *best;
    const bool too_far = rise > most * std::max(gained, highest_ - lowest_);
    if (too_far && curve.losses.size() > first_tenth_) stop_.ask();
  }

  [[nodiscard]] const StopRequest& stop() const { return stop_; }

  LearningRateCurve curve{};

 private:
  static constexpr double most = 3;

  double smoothing_;
  std::size_t first_tenth_;
  const StopRequest* outer_;
  StopRequest stop_;
  double mean_ = 0;
  double lowest_ = std::numeric_limits<double>::infinity();
  double highest_ = -std::numeric_limits<double>::infinity();
};

/// Where the loss falls most per factor of the rate, before its lowest point. Falls are taken over
/// a tenth of the search, and its first tenth is left out: there the mean is still noise.
inline double steepest_rate(const LearningRateCurve& curve) {
  const auto lowest = std::min_element(curve.losses.begin(), curve.losses.end());
  const auto end = static_cast<std::size_t>(lowest - curve.losses.begin());
  const auto reach = std::max<std::size_t>(curve.losses.size() / 20, 1);
  double best = curve.rates[std::min(end, curve.rates.size() - 1)];
  double fall = 0;
  for (std::size_t i = 3 * reach; i + reach < curve.rates.size() && i <= end; ++i) {
    const double slope = curve.losses[i - reach] - curve.losses[i + reach];
    if (slope > fall) {
      fall = slope;
      best = curve.rates[i];
    }
  }
  return best;
}

}  // namespace detail

/// Trains copies of the model's weights by trainer `T` with its schedule replaced; the run ends
/// when the loss has risen to three times what it had fallen by. Model and random streams are left
/// as they were. One reading of the loss per step.
///
/// Throws ConfigurationError for a search that is none, NumericError where no step gave a loss, and
/// whatever training throws.
/// Source: Smith 2017, "Cyclical Learning Rates", section 3.3; suggestion as in fastai.
template <class T, data::Dataset Train>
LearningRateCurve find_learning_rate(typename T::model_type& model, const Train& train,
                                     const LearningRateSearch& search = {},
                                     const RunSettings& run = {},
                                     const typename T::policies_type& policies = {}) {
  if (!(search.lowest > 0) || !(search.highest > search.lowest) ||
      !positive_float().holds(search.highest) || search.steps < 3 ||
      !(search.smoothing >= 0 && search.smoothing < 1)) {
    throw ConfigurationError(
        "a search for the learning rate takes 0 < lowest < highest <= 1e38, at least 3 steps and a "
        "smoothing in [0, 1).");
  }
  using Rising = with<T, detail::RisingRate, AllEpochs, SingleProcess>;
  typename Rising::policies_type rising;
  copy_numbers(policies, rising);
  if constexpr (requires { rising.template at<slot::averaging>().every = 1; }) {
    rising.template at<slot::averaging>().every = 1;  // no search is too short for it
  }
  rising.template at<slot::schedule>() = {
      .first = search.lowest,
      .factor =
          std::pow(search.highest / search.lowest, 1 / static_cast<double>(search.steps - 1))};
  if constexpr (requires { rising.template at<slot::guard>().divergence; }) {
    rising.template at<slot::guard>().divergence = 0;  // the search has a rule of its own
  }
  if constexpr (requires { rising.template at<slot::guard>().spike; }) {
    rising.template at<slot::guard>().spike = 0;
  }

  const KeepModel keep(*model, run.device);
  auto settings = run;
  settings.log_every_steps = 1;
  settings.stop_after_steps = search.steps;
  settings.epochs = search.steps;  // an epoch has one step at least
  settings.max_steps.reset();
  settings.steps_per_epoch.reset();
  settings.seconds_per_epoch.reset();
  detail::CurveRecorder recorder(search.smoothing, search.steps, run.stop);
  settings.stop = &recorder.stop();
  try {
    Rising(model, settings, rising).fit(train, recorder);
  } catch (const NumericError&) {  // the end that such a search comes to
    if (recorder.curve.rates.size() < 3) throw;
  }
  if (recorder.curve.rates.empty()) {
    throw NumericError(
        "the search for the learning rate has no loss to look at: it was stopped before its first "
        "step, or each step was skipped because its gradients were not finite; give it more time, "
        "or lower precision.initial_scale.");
  }
  recorder.curve.suggestion = detail::steepest_rate(recorder.curve);
  return recorder.curve;
}

}  // namespace gradus
