/// Stochastic gradient descent, plain or with momentum.
#pragma once

#include <gradus/compose/field.hpp>
#include <gradus/core/state_dict.hpp>
#include <gradus/policy/optimizer/concept.hpp>
#include <gradus/policy/optimizer/decay.hpp>
#include <gradus/policy/optimizer/moved_parameters.hpp>

#include <ATen/ops/_foreach_add.h>
#include <ATen/ops/_foreach_copy.h>
#include <ATen/ops/_foreach_mul.h>
#include <ATen/ops/_fused_sgd.h>
#include <ATen/ops/empty_like.h>
#include <ATen/ops/zeros_like.h>

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace gradus {

/// When to use: as the baseline, or with momentum where many epochs are affordable.
///
///     g += weight_decay * w;   b = momentum * b + (1 - dampening) * g
///     w -= lr * (nesterov ? g + momentum * b : b)        (b begins as the first g)
///
/// LibTorch's fused kernel, equal to torch.optim.SGD; for 16-bit parameters on the CPU its foreach
/// operators. Source: Sutskever et al. 2013.
struct SGD {
  using slot = slot::optimizer;
  static constexpr std::string_view name = "SGD";

  double lr = 0.01;
  double momentum = 0;
  double weight_decay = 0;
  double dampening = 0;
  bool nesterov = false;
  Decay decay = Decay::all;

  static constexpr auto fields() {
    return fields_of(field("lr", &SGD::lr, positive_float(), "learning rate"),
                     field("momentum", &SGD::momentum, fraction(), "decay of the velocity"),
                     field("weight_decay", &SGD::weight_decay, at_least(0), "L2 penalty"),
                     field("dampening", &SGD::dampening, between(0, 1),
                           "part of a gradient kept out of the velocity"),
                     field("nesterov", &SGD::nesterov, "look ahead along the velocity"),
                     field("decay", &SGD::decay, "which parameters decay"));
  }

  [[nodiscard]] constexpr std::string_view mistake() const {
    return nesterov && (momentum == 0 || dampening != 0)
               ? "nesterov needs a momentum above 0 and no dampening"
               : "";
  }

  struct State {
    std::vector<at::Tensor> parameters;
    std::vector<at::Tensor> velocities;  ///< undefined until a parameter's first step
  };

  [[nodiscard]] State start(const std::vector<NamedTensor>& parameters) const {
    State state;
    for (const auto& parameter : parameters) state.parameters.push_back(parameter.tensor);
    state.velocities.resize(state.parameters.size());
    return state;
  }

  [[nodiscard]] constexpr bool has_momentum() const { return true; }
  [[nodiscard]] constexpr bool steps_on_device() const { return dampening == 0; }

  void save(const State& state, StateDict& to) const {
    for (std::size_t i = 0; i < state.velocities.size(); ++i) {
      if (state.velocities[i].defined()) to.put(velocity_name(i), state.velocities[i]);
    }
  }
  void load(State& state, const StateDict& from) const {
    for (std::size_t i = 0; i < state.velocities.size(); ++i) {
      auto& velocity = state.velocities[i];
      velocity = at::Tensor();
      if (!from.has(velocity_name(i))) continue;
      velocity = at::empty_like(state.parameters[i].detach());
      from.get(velocity_name(i), velocity);
    }
  }

  void step(State& state, const Rates& rates) const {
    apply(state, rates.learning_rate, rates, {});
  }

  void step_on_device(State& state, const Rates& rates, const at::Tensor& learning_rate,
                      const at::Tensor& found_inf) const {
    apply(state, learning_rate, rates, found_inf);
  }

 private:
  static std::string velocity_name(std::size_t parameter) {
    return "velocity." + std::to_string(parameter);
  }

  /// `Rate` is a double, or a tensor on the device; `found_inf` [1] is 1 where the step is void.
  template <class Rate>
  void apply(State& state, const Rate& rate, const Rates& rates,
             const std::optional<at::Tensor>& found_inf) const {
    const double mu = rates.momentum.value_or(momentum);
    for (const auto of : {ParameterGroup::weights, ParameterGroup::vectors}) {
      MovedByType<1> first;   // whose velocity begins as the gradient itself
      MovedByType<1> others;  // in the plain case all, without velocities
      for (std::size_t i = 0; i < state.parameters.size(); ++i) {
        const auto& parameter = state.parameters[i];
        if (!is_moved(parameter, separate() ? of : group_of(parameter))) continue;
        auto& velocity = state.velocities[i];
        auto& group = mu != 0 && !velocity.defined() ? first : others;
        if (&group == &first) velocity = at::zeros_like(parameter.detach());
        group.of(parameter).add(i, parameter, {mu != 0 ? &velocity : nullptr});
      }
      const double shrink = decay_of(of, decay, weight_decay);
      // A void first step leaves the zeros, from which a velocity begins alike if undamped.
      const bool begins = !found_inf;
      const auto apply_to = [&](const MovedByType<1>& groups, bool is_first) {
        groups.for_each([&](const MovedParameters<1>& group) {
          if (fused_leaves_out(group.parameters.front())) {
            apply_by_parts(group, mu, number(rate), shrink, is_first, found_inf);
            return;
          }
          at::_fused_sgd_(group.parameters, group.gradients, group.moments[0], shrink, mu, rate,
                          dampening, nesterov, /*maximize=*/false, is_first, /*grad_scale=*/{},
                          found_inf);
        });
      };
      apply_to(first, begins);
      apply_to(others, false);
      if (!separate()) break;
    }
  }

  /// Whether the fused kernel is not to be had: on the CPU that of LibTorch 2.11 (not 2.15) updates
  /// of 16-bit parameters only the last few elements, those that do not fill a vector.
  static bool fused_leaves_out(const at::Tensor& parameter) {
    return parameter.is_cpu() && at::isReducedFloatingType(parameter.scalar_type());
  }

  static double number(double rate) { return rate; }
  static double number(const at::Tensor& rate) { return rate.item<double>(); }

  /// The same by foreach operators, as torch.optim.SGD(fused=False) has it. On the CPU, where
  /// nothing waits for a device.
  void apply_by_parts(const MovedParameters<1>& group, double mu, double rate, double shrink,
                      bool is_first, const std::optional<at::Tensor>& found_inf) const {
    if (found_inf && found_inf->item<double>() != 0) return;
    auto gradients = group.gradients;
    if (shrink != 0) gradients = at::_foreach_add(gradients, group.parameters, shrink);
    if (mu != 0) {
      const auto& velocities = group.moments[0];
      if (is_first) {
        at::_foreach_copy_(velocities, gradients);
      } else {
        at::_foreach_mul_(velocities, mu);
        at::_foreach_add_(velocities, gradients, 1 - dampening);
      }
      gradients = nesterov ? at::_foreach_add(gradients, velocities, mu) : velocities;
    }
    at::_foreach_add_(group.parameters, gradients, -rate);
  }

  /// Whether the two groups differ at all.
  [[nodiscard]] bool separate() const { return decay == Decay::weights && weight_decay != 0; }
};
static_assert(OptimizerPolicy<SGD>);

}  // namespace gradus
