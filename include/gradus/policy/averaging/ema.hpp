/// An exponential moving average of the weights.
#pragma once

#include <gradus/compose/field.hpp>
#include <gradus/policy/averaging/average_state.hpp>
#include <gradus/policy/averaging/concept.hpp>

#include <cstdint>
#include <string>
#include <vector>

namespace gradus {

/// When to use: to see a good model in the middle of a run at a high rate; at the end of a schedule
/// that falls to zero it is as good as the weights themselves.
///
///     a = decay * a + (1 - decay) * w        a begins as the first w
///
/// Equals torch.optim.swa_utils.AveragedModel with get_ema_multi_avg_fn.
/// Source: Polyak and Juditsky 1992; Tarvainen and Valpola 2017, equation 2.
struct EMA {
  using slot = slot::averaging;
  static constexpr std::string_view name = "EMA";
  static constexpr bool averages_weights = true;

  double decay = 0.999;
  std::int64_t every = 1;
  std::int64_t batches = 0;

  static constexpr auto fields() {
    return fields_of(field("decay", &EMA::decay, fraction(), "part of the mean that is kept"),
                     average_fields<EMA>());
  }

  using State = AverageState;

  [[nodiscard]] State start(const std::vector<NamedTensor>& parameters) const {
    return AverageState::of(parameters);
  }
  void update(State& state, const StepContext& context) const {
    if ((context.step + 1) % every == 0) state.add(context, 1 - decay);
  }
  [[nodiscard]] const std::vector<at::Tensor>& averages(const State& state) const {
    return state.averages;
  }
  [[nodiscard]] std::int64_t statistics_batches() const { return batches; }
  [[nodiscard]] std::string run_mistake(std::int64_t total_steps) const {
    return no_average_mistake(total_steps, every, 0);
  }

  void save(const State& state, StateDict& to) const { state.save(to); }
  void load(State& state, const StateDict& from) const { state.load(from); }
};
static_assert(AveragingPolicy<EMA>);

}  // namespace gradus
