/// Stochastic weight averaging: the plain mean of the weights in the last part of a run.
#pragma once

#include <gradus/compose/field.hpp>
#include <gradus/policy/averaging/average_state.hpp>
#include <gradus/policy/averaging/concept.hpp>

#include <cstdint>
#include <string>
#include <vector>

namespace gradus {

/// When to use: behind a constant or cyclic rate, whose last weights jump around a wide minimum.
/// Batch-norm statistics fit no mean of weights, so they are recomputed from training batches.
///
///     a += (w - a) / n        n: weights that came, from `start` on, one each `every` steps
///
/// Equals torch.optim.swa_utils.AveragedModel and update_bn.
/// Source: Izmailov et al. 2018, algorithm 1.
struct SWA {
  using slot = slot::averaging;
  static constexpr std::string_view name = "SWA";
  static constexpr bool averages_weights = true;

  double begin = 0.75;
  std::int64_t every = 1;
  std::int64_t batches = 50;

  static constexpr auto fields() {
    return fields_of(field("begin", &SWA::begin, fraction(), "part of the run without averaging"),
                     average_fields<SWA>());
  }

  using State = AverageState;

  [[nodiscard]] State start(const std::vector<NamedTensor>& parameters) const {
    return AverageState::of(parameters);
  }
  void update(State& state, const StepContext& context) const {
    const auto done = static_cast<double>(context.step + 1);
    if (done <= begin * static_cast<double>(context.total_steps)) return;
    if ((context.step + 1) % every != 0) return;
    state.add(context, 1 / static_cast<float>(state.averaged + 1));  // float32, as PyTorch has it
  }
  [[nodiscard]] const std::vector<at::Tensor>& averages(const State& state) const {
    return state.averages;
  }
  [[nodiscard]] std::int64_t statistics_batches() const { return batches; }
  [[nodiscard]] std::string run_mistake(std::int64_t total_steps) const {
    const auto mistake =
        no_average_mistake(total_steps, every, begin * static_cast<double>(total_steps));
    return mistake.empty() ? "" : mistake + ", or lower averaging.begin";
  }

  void save(const State& state, StateDict& to) const { state.save(to); }
  void load(State& state, const StateDict& from) const { state.load(from); }
};
static_assert(AveragingPolicy<SWA>);

}  // namespace gradus
