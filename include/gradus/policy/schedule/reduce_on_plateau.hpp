/// The rate falls when the results stop getting better.
#pragma once

#include <gradus/compose/field.hpp>
#include <gradus/core/monitor.hpp>
#include <gradus/core/state_dict.hpp>
#include <gradus/policy/schedule/concept.hpp>

#include <ATen/ops/scalar_tensor.h>

#include <algorithm>
#include <limits>
#include <vector>

namespace gradus {

/// When to use: long runs whose length is not known. It has state: the rate depends on what was
/// measured after each epoch, not on the step alone, so it cannot be a part of `Warmup` or
/// `Sequence`.
///
/// Equals torch.optim.lr_scheduler.ReduceLROnPlateau, stepped once an epoch, but where the best
/// value is below zero: there PyTorch 2.11 to 2.15 takes values down to `threshold` worse for
/// better. An epoch without the metric, because all its steps were skipped, does not count.
struct ReduceOnPlateau {
  using slot = slot::schedule;
  static constexpr std::string_view name = "ReduceOnPlateau";

  double factor = 0.1;
  std::int64_t patience = 10;
  double threshold = 1e-4;
  std::int64_t cooldown = 0;
  double min_lr = 0;
  MetricName monitor{};

  static constexpr auto fields() {
    return fields_of(
        field("factor", &ReduceOnPlateau::factor, Range{0, 1, true, true}, "factor of a fall"),
        field("patience", &ReduceOnPlateau::patience, at_least(0),
              "epochs without a better result before the rate falls"),
        field("threshold", &ReduceOnPlateau::threshold, fraction(),
              "smallest relative change that counts as better"),
        field("cooldown", &ReduceOnPlateau::cooldown, at_least(0),
              "epochs after a fall that do not count"),
        field("min_lr", &ReduceOnPlateau::min_lr, at_least(0), "the rate falls no further"),
        field("monitor", &ReduceOnPlateau::monitor, "metric that should get better"));
  }

  struct State {
    at::Tensor best;  ///< float64 []
    std::int64_t falls = 0;
    std::int64_t bad_epochs = 0;
    std::int64_t cooling = 0;
  };

  [[nodiscard]] State start(const std::vector<NamedTensor>&) const {
    return {.best = at::scalar_tensor(std::numeric_limits<double>::infinity(), at::kDouble)};
  }

  [[nodiscard]] Rates at(const State& state, std::int64_t, std::int64_t,
                         double learning_rate) const {
    double rate = learning_rate;
    for (std::int64_t fall = 0; fall < state.falls; ++fall) {
      const double lower = std::max(rate * factor, min_lr);
      if (rate - lower > 1e-8) rate = lower;  // PyTorch's eps
    }
    return {rate, std::nullopt};
  }

  void after_epoch(State& state, const EpochRecord& record) const {
    const auto figure = monitored_value(monitor, record);
    if (!figure) return;  // neither better nor worse
    const double now = *figure;
    const double best = state.best.item<double>();
    const double needed = best - threshold * (best < 0 ? -best : best);
    const bool better = best == std::numeric_limits<double>::infinity() ? now < best : now < needed;
    if (better) state.best.fill_(now);
    state.bad_epochs = better ? 0 : state.bad_epochs + 1;
    if (state.cooling > 0) {
      --state.cooling;
      state.bad_epochs = 0;
    }
    if (state.bad_epochs > patience) {
      ++state.falls;
      state.cooling = cooldown;
      state.bad_epochs = 0;
    }
  }

  void save(const State& state, StateDict& to) const {
    to.put("best", state.best);
    to.put("falls", state.falls);
    to.put("bad_epochs", state.bad_epochs);
    to.put("cooling", state.cooling);
  }
  void load(State& state, const StateDict& from) const {
    from.get("best", state.best);
    state.falls = from.number("falls");
    state.bad_epochs = from.number("bad_epochs");
    state.cooling = from.number("cooling");
  }
};
static_assert(SchedulePolicy<ReduceOnPlateau>);

}  // namespace gradus
