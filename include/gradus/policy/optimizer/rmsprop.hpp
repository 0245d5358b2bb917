/// RMSprop: steps scaled by a running mean of the squared gradient.
#pragma once

#include <gradus/compose/field.hpp>
#include <gradus/core/state_dict.hpp>
#include <gradus/policy/optimizer/concept.hpp>
#include <gradus/policy/optimizer/decay.hpp>
#include <gradus/policy/optimizer/moments.hpp>
#include <gradus/policy/optimizer/number_types.hpp>

#include <ATen/ops/_foreach_add.h>
#include <ATen/ops/_foreach_addcdiv.h>
#include <ATen/ops/_foreach_addcmul.h>
#include <ATen/ops/_foreach_lerp.h>
#include <ATen/ops/_foreach_mul.h>
#include <ATen/ops/_foreach_sqrt.h>
#include <ATen/ops/fmax.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <string_view>
#include <vector>

namespace gradus {

/// When to use: recurrent networks and reinforcement learning, by published recipes.
///
///     g += weight_decay * w;   v = alpha v + (1 - alpha) g^2;   d = sqrt(v) + eps
///     b = momentum * b + g / d;   w -= lr * b        (centered: d = sqrt(v - mean(g)^2) + eps)
///
/// LibTorch's foreach operators, equal to torch.optim.RMSprop(foreach=True). Source: Tieleman and
/// Hinton 2012, lecture 6.5; centered: Graves 2013, equation 38.
struct RMSprop {
  using slot = slot::optimizer;
  static constexpr std::string_view name = "RMSprop";

  double lr = 0.01;
  double alpha = 0.99;
  double eps = 1e-8;
  double momentum = 0;
  double weight_decay = 0;
  bool centered = false;
  Decay decay = Decay::all;

  static constexpr auto fields() {
    return fields_of(
        field("lr", &RMSprop::lr, positive_float(), "learning rate"),
        field("alpha", &RMSprop::alpha, fraction(), "decay of the squared gradient"),
        field("eps", &RMSprop::eps, positive(), "added to the root of the squared gradient"),
        field("momentum", &RMSprop::momentum, fraction(), "decay of the velocity"),
        field("weight_decay", &RMSprop::weight_decay, at_least(0), "L2 penalty"),
        field("centered", &RMSprop::centered, "scale by the variance instead"),
        field("decay", &RMSprop::decay, "which parameters decay"));
  }

  using State = Moments<3>;  ///< mean of the squared gradient, of the gradient, velocity

  /// The last two are made by the first step that uses them.
  [[nodiscard]] State start(const std::vector<NamedTensor>& parameters) const {
    return State(parameters, {false, true, true});
  }

  [[nodiscard]] constexpr bool has_momentum() const { return true; }

  void save(const State& state, StateDict& to) const { state.save(to, entry_names); }
  void load(State& state, const StateDict& from) const { state.load(from, entry_names); }

  void step(State& state, const Rates& rates) const {
    const double mu = rates.momentum.value_or(momentum);
    for (const auto group : {ParameterGroup::weights, ParameterGroup::vectors}) {
      const double shrink = decay_of(group, decay, weight_decay);
      const auto lists = state.moved(group, {false, !centered, mu == 0});
      lists.for_each([&](const MovedParameters<3>& moved) {
        const auto gradients = shrink == 0
                                   ? moved.gradients
                                   : at::_foreach_add(moved.gradients, moved.parameters, shrink);
        const auto& [squares, means, velocities] = moved.moments;
        at::_foreach_mul_(squares, alpha);
        at::_foreach_addcmul_(squares, gradients, gradients, 1 - alpha);
        const auto divisors = root(squares, means, gradients);
        if (mu == 0) {
          at::_foreach_addcdiv_(moved.parameters, gradients, divisors, -rates.learning_rate);
        } else {
          at::_foreach_mul_(velocities, mu);
          at::_foreach_addcdiv_(velocities, gradients, divisors);
          at::_foreach_add_(moved.parameters, velocities, -rates.learning_rate);
        }
      });
    }
  }

 private:
  static constexpr std::array<std::string_view, 3> entry_names{"square", "mean", "velocity"};

  [[nodiscard]] std::vector<at::Tensor> root(const std::vector<at::Tensor>& squares,
                                             const std::vector<at::Tensor>& means,
                                             const std::vector<at::Tensor>& gradients) const {
    std::vector<at::Tensor> roots;
    if (centered) {
      at::_foreach_lerp_(means, gradients, 1 - alpha);
      roots = at::_foreach_addcmul(squares, means, means, -1);
      keep_above_rounding(roots, squares);
      at::_foreach_sqrt_(roots);
    } else {
      roots = at::_foreach_sqrt(squares);
    }
    at::_foreach_add_(roots, std::max(eps, limits_of(roots.front().scalar_type()).least));
    return roots;
  }

  /// Along a steady gradient the variance is a difference of two equal numbers: rounding makes it
  /// negative, and its root NaN. It is known to the rounding of the square, and no better.
  static void keep_above_rounding(std::vector<at::Tensor>& variances,
                                  const std::vector<at::Tensor>& squares) {
    for (std::size_t i = 0; i < variances.size(); ++i) {
      const double epsilon = limits_of(squares[i].scalar_type()).epsilon;
      variances[i] =
          at::fmax(variances[i], squares[i] * epsilon);  // not NaN where both are infinite
    }
  }
};
static_assert(OptimizerPolicy<RMSprop>);

}  // namespace gradus
