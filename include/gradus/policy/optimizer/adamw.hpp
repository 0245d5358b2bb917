/// Adam with decoupled weight decay.
#pragma once

#include <gradus/core/state_dict.hpp>
#include <gradus/policy/optimizer/adam_state.hpp>
#include <gradus/policy/optimizer/adam_step.hpp>
#include <gradus/policy/optimizer/concept.hpp>
#include <gradus/policy/optimizer/decay.hpp>

#include <ATen/ops/_fused_adamw.h>

#include <string_view>
#include <vector>

namespace gradus {

/// When to use: the default choice; few epochs, little tuning.
///
///     m = beta1 m + (1 - beta1) g;   v = beta2 v + (1 - beta2) g^2
///     w -= lr * weight_decay * w;    w -= lr * m^ / (sqrt(v^) + eps)
///                                             (m^, v^: bias-corrected)
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

  static constexpr auto fields() { return adam_fields<AdamW>("decoupled, times the rate"); }

  using State = AdamState;

  [[nodiscard]] State start(const std::vector<NamedTensor>& parameters) const {
    return State(parameters);
  }

  [[nodiscard]] constexpr bool has_momentum() const { return true; }
  [[nodiscard]] constexpr bool steps_on_device() const { return true; }

  void save(const State& state, StateDict& to) const { state.save(to); }
  void load(State& state, const StateDict& from) const { state.load(from); }

  void step(State& state, const Rates& rates) const {
    adam_step(*this, kernel, state, rates, rates.learning_rate, {});
  }

  void step_on_device(State& state, const Rates& rates, const at::Tensor& learning_rate,
                      const at::Tensor& found_inf) const {
    adam_step(*this, kernel, state, rates, learning_rate, found_inf);
  }

 private:
  static constexpr auto kernel = [](const auto&... arguments) { at::_fused_adamw_(arguments...); };
};
static_assert(OptimizerPolicy<AdamW>);

}  // namespace gradus
