/// Lion: the sign of a blend of gradient and momentum.
#pragma once

#include <gradus/compose/field.hpp>
#include <gradus/core/state_dict.hpp>
#include <gradus/policy/optimizer/concept.hpp>
#include <gradus/policy/optimizer/decay.hpp>
#include <gradus/policy/optimizer/moments.hpp>

#include <ATen/ops/_foreach_add.h>
#include <ATen/ops/_foreach_lerp.h>
#include <ATen/ops/_foreach_mul.h>
#include <ATen/ops/_foreach_sign.h>

#include <vector>

namespace gradus {

/// When to use: where the memory of AdamW's second moment is dear; large batches. The rate should
/// be 3 to 10 times smaller than AdamW's, and the decay as many times larger.
///
///     c = sign(beta1 m + (1 - beta1) g);   w -= lr * (c + weight_decay * w)
///     m = beta2 m + (1 - beta2) g
///
/// LibTorch has no kernel for it: foreach operators. Source: Chen et al. 2023, algorithm 2.
struct Lion {
  using slot = slot::optimizer;
  static constexpr std::string_view name = "Lion";

  double lr = 1e-4;
  double beta1 = 0.9;
  double beta2 = 0.99;
  double weight_decay = 0;
  Decay decay = Decay::all;

  static constexpr auto fields() {
    return fields_of(
        field("lr", &Lion::lr, positive_float(), "learning rate"),
        field("beta1", &Lion::beta1, fraction(), "part of the momentum in the step's direction"),
        field("beta2", &Lion::beta2, fraction(), "decay of the momentum"),
        field("weight_decay", &Lion::weight_decay, at_least(0), "decoupled, times the rate"),
        field("decay", &Lion::decay, "which parameters decay"));
  }

  using State = Moments<1>;

  [[nodiscard]] State start(const std::vector<NamedTensor>& parameters) const {
    return State(parameters);
  }

  [[nodiscard]] constexpr bool has_momentum() const { return true; }  // beta1

  void save(const State& state, StateDict& to) const { state.save(to, {"momentum"}); }
  void load(State& state, const StateDict& from) const { state.load(from, {"momentum"}); }

  void step(State& state, const Rates& rates) const {
    const double blend = rates.momentum.value_or(beta1);
    for (const auto group : {ParameterGroup::weights, ParameterGroup::vectors}) {
      const double shrink = decay_of(group, decay, weight_decay);
      state.moved(group).for_each([&](const MovedParameters<1>& moved) {
        auto directions = at::_foreach_lerp(moved.gradients, moved.moments[0], blend);
        at::_foreach_sign_(directions);
        if (shrink != 0) at::_foreach_mul_(moved.parameters, 1 - rates.learning_rate * shrink);
        at::_foreach_add_(moved.parameters, directions, -rates.learning_rate);
        at::_foreach_lerp_(moved.moments[0], moved.gradients, 1 - beta2);
      });
    }
  }
};
static_assert(OptimizerPolicy<Lion>);

}  // namespace gradus
