/// The end of a run whose results no longer get better.
#pragma once

#include <gradus/compose/field.hpp>
#include <gradus/core/monitor.hpp>
#include <gradus/core/parameters.hpp>
#include <gradus/core/state_dict.hpp>
#include <gradus/policy/stopping/concept.hpp>

#include <ATen/ops/scalar_tensor.h>

#include <cstdint>
#include <limits>
#include <vector>

namespace gradus {

/// When to use: many epochs at a rate that does not fall to zero on a plan. A schedule made for all
/// the planned steps is cut off. An epoch without the metric, because all its steps were skipped,
/// counts neither as better nor as worse. The weights that `restore_best` restores are those of the
/// lowest value (or highest, by the metric), also where it is better by less than `min_delta`.
///
/// Counts as Keras' EarlyStopping does. Source of such criteria: Prechelt 1998, "Early Stopping -
/// But When?".
struct EarlyStop {
  using slot = slot::stopping;
  static constexpr std::string_view name = "EarlyStop";

  std::int64_t patience = 5;
  double min_delta = 0;
  MetricName monitor{};
  bool restore_best = false;

  static constexpr auto fields() {
    return fields_of(field("patience", &EarlyStop::patience, at_least(1),
                           "epochs in a row without a better result that end the run"),
                     field("min_delta", &EarlyStop::min_delta, at_least(0),
                           "smallest change that counts as better"),
                     field("monitor", &EarlyStop::monitor, "metric that should get better"),
                     field("restore_best", &EarlyStop::restore_best,
                           "whether the run ends with the weights of its best epoch"));
  }

  struct State {
    at::Tensor best;  ///< float64 [], that a better one must be below by `min_delta`
    std::int64_t bad_epochs = 0;
    double lowest = std::numeric_limits<double>::infinity();  ///< of all epochs
    bool is_lowest = false;                                   ///< whether it is the last epoch's
  };

  [[nodiscard]] State start(const std::vector<NamedTensor>&) const {
    return {.best = at::scalar_tensor(std::numeric_limits<double>::infinity(), at::kDouble)};
  }

  [[nodiscard]] bool stop(State& state, const EpochRecord& record) const {
    const auto now = monitored_value(monitor, record);
    state.is_lowest = false;
    if (!now) return false;  // neither better nor worse
    const bool better = *now < state.best.item<double>() - min_delta;
    state.is_lowest = *now < state.lowest;
    if (state.is_lowest) state.lowest = *now;
    if (better) state.best.fill_(*now);
    state.bad_epochs = better ? 0 : state.bad_epochs + 1;
    return state.bad_epochs >= patience;
  }

  [[nodiscard]] bool keeps(const State& state) const { return restore_best && state.is_lowest; }

  void save(const State& state, StateDict& to) const {
    to.put("best", state.best);
    to.put("bad_epochs", state.bad_epochs);
    to.put("lowest", state.lowest);
  }
  void load(State& state, const StateDict& from) const {
    from.get("best", state.best);
    state.bad_epochs = from.number("bad_epochs");
    state.lowest = from.has("lowest") ? from.real("lowest") : state.best.item<double>();
  }
};
static_assert(StoppingPolicy<EarlyStop>);

}  // namespace gradus
