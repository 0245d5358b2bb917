/// Adam with decoupled weight decay.
#pragma once

#include <gradus/compose/field.hpp>
#include <gradus/core/state_dict.hpp>
#include <gradus/policy/optimizer/adam_state.hpp>
#include <gradus/policy/optimizer/concept.hpp>
#include <gradus/policy/optimizer/decay.hpp>

#include <ATen/ops/_fused_adamw.h>

#include <optional>
#include <vector>

namespace gradus {

/// When to use: the default choice; few epochs, little tuning.
///
///     m = beta1 m + (1 - beta1) g;   v = beta2 v + (1 - beta2) g^2
///     w -= lr * weight_decay * w;    w -= lr * m^ / (sqrt(v^) + eps)       (m^, v^:
///     bias-corrected)
///
/// LibTorch's fused kernel, equal to torch.optim.AdamW(fused=True).
/// Source: Loshchilov and Hutter 2019, algorithm 2.
struct AdamW {
  using slot = slot::optimizer;
  static constexpr std::string_view name = "AdamW";

  double lr = 1e-3;
  double beta1 = 0.9;
  double beta2 = 0.999;
  double eps = 1e-8;
  double weight_decay = 0.01;
  Decay decay = Decay::all;

  static constexpr auto fields() {
    return fields_of(
        field("lr", &AdamW::lr, positive_float(), "learning rate"),
        field("beta1", &AdamW::beta1, fraction(), "decay of the first moment"),
        field("beta2", &AdamW::beta2, fraction(), "decay of the second moment"),
        field("eps", &AdamW::eps, positive(), "added to the root of the second moment"),
        field("weight_decay", &AdamW::weight_decay, at_least(0), "decoupled, times the rate"),
        field("decay", &AdamW::decay, "which parameters decay"));
  }

  using State = AdamState;

  [[nodiscard]] State start(const std::vector<NamedTensor>& parameters) const {
    return State(parameters);
  }

  [[nodiscard]] constexpr bool has_momentum() const { return true; }
  [[nodiscard]] constexpr bool steps_on_device() const { return true; }

  void save(const State& state, StateDict& to) const { state.save(to); }
  void load(State& state, const StateDict& from) const { state.load(from); }

  void step(State& state, const Rates& rates) const {
    apply(state, rates.learning_rate, rates, {});
  }

  void step_on_device(State& state, const Rates& rates, const at::Tensor& learning_rate,
                      const at::Tensor& found_inf) const {
    apply(state, learning_rate, rates, found_inf);
  }

 private:
  /// `Rate` is a double, or a tensor on the device; `found_inf` [1] is 1 where the step is void.
  template <class Rate>
  void apply(State& state, const Rate& rate, const Rates& rates,
             const std::optional<at::Tensor>& found_inf) const {
    for (const auto group : {ParameterGroup::weights, ParameterGroup::vectors}) {
      state.moments.moved(group).for_each([&](const MovedParameters<2>& moved) {
        const auto steps = state.count(moved);
        at::_fused_adamw_(moved.parameters, moved.gradients, moved.moments[0], moved.moments[1], {},
                          steps, rate, rates.momentum.value_or(beta1), beta2,
                          decay_of(group, decay, weight_decay), eps,
                          /*amsgrad=*/false, /*maximize=*/false, /*grad_scale=*/{}, found_inf);
        if (found_inf) at::_foreach_add_(steps, found_inf->squeeze(), -1);
      });
    }
  }
};
static_assert(OptimizerPolicy<AdamW>);

}  // namespace gradus
