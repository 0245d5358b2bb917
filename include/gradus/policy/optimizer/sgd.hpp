/// Stochastic gradient descent, plain or with momentum.
#pragma once

#include <gradus/core/field.hpp>
#include <gradus/core/state_dict.hpp>
#include <gradus/policy/optimizer/concept.hpp>

#include <ATen/ops/_fused_sgd.h>
#include <ATen/ops/empty_like.h>

#include <string>
#include <vector>

namespace gradus {

/// When to use: as the baseline, or with momentum where many epochs are affordable.
///
///     g += weight_decay * w;   b = momentum * b + g;   w -= lr * (nesterov ? g + momentum * b : b)
///
/// LibTorch's fused kernel, equal to torch.optim.SGD. Source: Sutskever et al. 2013.
struct SGD {
  using slot = slot::optimizer;
  static constexpr std::string_view name = "SGD";

  double lr = 0.01;
  double momentum = 0;
  double weight_decay = 0;
  bool nesterov = false;

  static constexpr auto fields() {
    return fields_of(field("lr", &SGD::lr, positive(), "learning rate"),
                     field("momentum", &SGD::momentum, fraction(), "decay of the velocity"),
                     field("weight_decay", &SGD::weight_decay, at_least(0), "L2 penalty"),
                     field("nesterov", &SGD::nesterov, "look ahead along the velocity"));
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
    const double mu = rates.momentum.value_or(momentum);
    Group first;   // whose velocity begins as the gradient itself
    Group others;  // in the plain case all, without velocities
    for (std::size_t i = 0; i < state.parameters.size(); ++i) {
      const auto& parameter = state.parameters[i];
      if (!parameter.grad().defined()) continue;
      auto& velocity = state.velocities[i];
      auto& group = mu != 0 && !velocity.defined() ? first : others;
      if (&group == &first) velocity = at::empty_like(parameter.detach());
      group.parameters.push_back(parameter.detach());
      group.gradients.push_back(parameter.grad());
      if (mu != 0) group.velocities.push_back(velocity);
    }
    apply(first, mu, rates.learning_rate, true);
    apply(others, mu, rates.learning_rate, false);
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

  void apply(const Group& group, double mu, double rate, bool is_first) const {
    if (group.parameters.empty()) return;
    at::_fused_sgd_(group.parameters, group.gradients, group.velocities, weight_decay, mu, rate,
                    /*dampening=*/0, nesterov, /*maximize=*/false, is_first);
  }
};
static_assert(OptimizerPolicy<SGD>);

}  // namespace gradus
