/// AdamW that averages its own iterates, and so needs no schedule that falls.
#pragma once

#include <gradus/compose/field.hpp>
#include <gradus/core/rates.hpp>
#include <gradus/core/state_dict.hpp>
#include <gradus/policy/optimizer/concept.hpp>
#include <gradus/policy/optimizer/decay.hpp>
#include <gradus/policy/optimizer/schedule_free_state.hpp>

#include <ATen/ops/_foreach_add.h>
#include <ATen/ops/_foreach_addcmul.h>
#include <ATen/ops/_foreach_div.h>
#include <ATen/ops/_foreach_lerp.h>
#include <ATen/ops/_foreach_mul.h>
#include <ATen/ops/_foreach_sqrt.h>
#include <ATen/ops/_foreach_sub.h>

#include <cmath>
#include <vector>

namespace gradus {

/// When to use: where the length of the run is not known before, or good weights are needed all
/// along it. The rate should be constant after a warm-up, and 1 to 10 times that of AdamW.
/// Evaluation needs the averaging policy `OptimizerAverage`; it is a compile error without.
///
///     v = beta2 v + (1 - beta2) g^2;   d = g / (sqrt(v^) + eps) + weight_decay * y
///     z -= lr * d;   x += c (z - x);   y = (1 - beta1) z + beta1 x
///
/// c is the part of this step in the mean x of all z, by weights k^r * (largest lr)^weight_power.
/// The model holds y, at which gradients are taken, and evaluation uses x, computed from y and z.
///
/// Equal to AdamWScheduleFree of the package schedulefree, whose `warmup_steps` = W is a schedule
/// here: Warmup<Constant> with `steps` = W - 1 and `start_factor` = 1 / W. As in other optimizers
/// here a parameter counts its own steps: one whose first gradient comes later begins then.
/// A further run begins a new average. Parameters of 16 bits are refused: a mean of many steps is
/// lost in their rounding. It has no `step_on_device`, so its steps are not captured.
/// Source: Defazio et al. 2024, arXiv:2405.15682, algorithm 1 and section 4.
struct ScheduleFreeAdamW {
  using slot = slot::optimizer;
  static constexpr std::string_view name = "ScheduleFreeAdamW";

  double lr = 2.5e-3;
  double beta1 = 0.9;
  double beta2 = 0.999;
  double eps = 1e-8;
  double weight_decay = 0;
  Decay decay = Decay::all;
  double r = 0;
  double weight_power = 2;

  static constexpr auto fields() {
    using P = ScheduleFreeAdamW;
    return fields_of(
        field("lr", &P::lr, positive_float(), "learning rate"),
        field("beta1", &P::beta1, Range{0, 1, true, true}, "part of the average in the weights"),
        field("beta2", &P::beta2, fraction(), "decay of the second moment"),
        field("eps", &P::eps, positive(), "added to the root of the second moment"),
        field("weight_decay", &P::weight_decay, at_least(0), "decoupled, times the rate"),
        field("decay", &P::decay, "which parameters decay"),
        field("r", &P::r, at_least(0), "power of a step's number in its weight"),
        field("weight_power", &P::weight_power, at_least(0),
              "power of the largest rate so far in a step's weight"));
  }

  using State = ScheduleFreeState;

  /// Throws ConfigurationError for a trained parameter of 16 bits.
  [[nodiscard]] State start(const std::vector<NamedTensor>& parameters) const {
    return State(parameters);
  }

  [[nodiscard]] constexpr bool has_momentum() const { return false; }

  void save(const State& state, StateDict& to) const { state.save(to); }
  void load(State& state, const StateDict& from) const { state.load(from); }

  /// x of each parameter; nothing before the first step. Costs the memory of the weights.
  [[nodiscard]] std::vector<at::Tensor> averages(const State& state) const {
    return state.blended(1 - 1 / beta1);
  }

  /// The next run may begin with other weights, whose average is not that of these.
  void restart(State& state) const { state.forget_average(); }

  void step(State& state, const Rates& rates) const {
    const double rate = rates.learning_rate;
    for (const auto group : {ParameterGroup::weights, ParameterGroup::vectors}) {
      const double shrink = decay_of(group, decay, weight_decay);
      for (const auto& [before, lists] : state.moved(group)) {
        auto steps = before;
        const double part = steps.add(rate, r, weight_power);
        const double correction = 1 - std::pow(beta2, static_cast<double>(steps.taken));
        lists.for_each([&](const MovedParameters<2>& moved) {
          for (const auto place : moved.places) state.steps[place] = steps;
          const auto& [base, moments] = moved.moments;
          at::_foreach_mul_(moments, beta2);
          at::_foreach_addcmul_(moments, moved.gradients, moved.gradients, 1 - beta2);
          auto roots = at::_foreach_div(moments, correction);
          at::_foreach_sqrt_(roots);
          at::_foreach_add_(roots, eps);
          const auto directions = at::_foreach_div(moved.gradients, roots);
          if (shrink != 0) at::_foreach_add_(directions, moved.parameters, shrink);
          at::_foreach_lerp_(moved.parameters, base, part);
          at::_foreach_add_(moved.parameters, directions, rate * (beta1 * (1 - part) - 1));
          at::_foreach_sub_(base, directions, rate);
        });
      }
    }
  }
};
static_assert(OptimizerPolicy<ScheduleFreeAdamW>);

}  // namespace gradus
