/// A search for the learning rate: one short run in which the rate rises from far too low to far
/// too high.
#pragma once

#include <gradus/policy/schedule/exponential.hpp>
#include <gradus/train/edit.hpp>
#include <gradus/train/keep_model.hpp>
#include <gradus/train/trainer.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace gradus {

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

struct CurveRecorder {
  double smoothing;
  LearningRateCurve curve{};
  double mean = 0;

  void on(const StepEnd& event) {
    if (!event.train_loss) return;
    mean = smoothing * mean + (1 - smoothing) * *event.train_loss;
    const auto count = static_cast<double>(curve.losses.size() + 1);
    curve.rates.push_back(event.learning_rate);
    curve.losses.push_back(mean / (1 - std::pow(smoothing, count)));
  }
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
/// where the loss reaches four times its best. The model is left as it was, but for weights that
/// `T` shares, which stay shared. One reading of the loss per step.
///
/// Throws ConfigurationError for a search that is none, and whatever training throws.
/// Source: Smith 2017, "Cyclical Learning Rates", section 3.3; suggestion as in fastai.
template <class T, data::Dataset Train>
LearningRateCurve find_learning_rate(typename T::model_type& model, const Train& train,
                                     const LearningRateSearch& search = {},
                                     const RunSettings& run = {},
                                     const typename T::policies_type& policies = {}) {
  if (!(search.lowest > 0) || !(search.highest > search.lowest) || search.steps < 3 ||
      !(search.smoothing >= 0 && search.smoothing < 1)) {
    throw ConfigurationError(
        "a search for the learning rate takes 0 < lowest < highest, at least 3 steps and a "
        "smoothing in [0, 1).");
  }
  using Rising = with<T, Exponential>;
  typename Rising::policies_type rising;
  copy_numbers(policies, rising);
  rising.template at<slot::optimizer>().lr = search.lowest;
  rising.template at<slot::schedule>().gamma =
      std::pow(search.highest / search.lowest, 1 / static_cast<double>(search.steps - 1));
  if constexpr (requires { rising.template at<slot::guard>().divergence; }) {
    rising.template at<slot::guard>().divergence = 4;
    rising.template at<slot::guard>().on_divergence = OnDivergence::stop;
  }

  const KeepModel keep(*model);
  auto settings = run;
  settings.log_every_steps = 1;
  settings.stop_after_steps = search.steps;
  settings.epochs = search.steps;  // an epoch has one step at least
  detail::CurveRecorder recorder{.smoothing = search.smoothing};
  try {
    Rising(model, settings, rising).fit(train, recorder);
  } catch (const NumericError&) {  // the end that such a search comes to
    if (recorder.curve.rates.size() < 3) throw;
  }
  recorder.curve.suggestion = detail::steepest_rate(recorder.curve);
  return recorder.curve;
}

}  // namespace gradus
