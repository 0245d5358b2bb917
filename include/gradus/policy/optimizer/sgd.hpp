/// Stochastic gradient descent, plain or with momentum.
#pragma once

#include <gradus/core/field.hpp>
#include <gradus/core/state_dict.hpp>
#include <gradus/policy/optimizer/concept.hpp>
#include <gradus/policy/optimizer/decay.hpp>

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
/// LibTorch's fused kernel, equal to torch.optim.SGD. Source: Sutskever et al. 2013.
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

  struct Group {
    std::vector<at::Tensor> parameters;
    std::vector<at::Tensor> gradients;
    std::vector<at::Tensor> velocities;
  };

  /// `Rate` is a double, or a tensor on the device; `found_inf` [1] is 1 where the step is void.
  template <class Rate>
  void apply(State& state, const Rate& rate, const Rates& rates,
             const std::optional<at::Tensor>& found_inf) const {
    const double mu = rates.momentum.value_or(momentum);
    for (const auto of : {ParameterGroup::weights, ParameterGroup::vectors}) {
      Group first;   // whose velocity begins as the gradient itself
      Group others;  // in the plain case all, without velocities
      for (std::size_t i = 0; i < state.parameters.size(); ++i) {
        const auto& parameter = state.parameters[i];
        if (!parameter.grad().defined() || (separate() && group_of(parameter) != of)) continue;
        auto& velocity = state.velocities[i];
        auto& group = mu != 0 && !velocity.defined() ? first : others;
        if (&group == &first) velocity = at::zeros_like(parameter.detach());
        group.parameters.push_back(parameter.detach());
        group.gradients.push_back(parameter.grad());
        if (mu != 0) group.velocities.push_back(velocity);
      }
      const double shrink = decay_of(of, decay, weight_decay);
      // A void first step leaves the zeros, from which a velocity begins alike if undamped.
      const bool begins = !found_inf;
      apply(first, mu, rate, shrink, begins, found_inf);
      apply(others, mu, rate, shrink, false, found_inf);
      if (!separate()) break;
    }
  }

  /// Whether the two groups differ at all.
  [[nodiscard]] bool separate() const { return decay == Decay::weights && weight_decay != 0; }

  template <class Rate>
  void apply(const Group& group, double mu, const Rate& rate, double shrink, bool is_first,
             const std::optional<at::Tensor>& found_inf) const {
    if (group.parameters.empty()) return;
    at::_fused_sgd_(group.parameters, group.gradients, group.velocities, shrink, mu, rate,
                    dampening, nesterov, /*maximize=*/false, is_first, /*grad_scale=*/{},
                    found_inf);
  }
};
static_assert(OptimizerPolicy<SGD>);

}  // namespace gradus
