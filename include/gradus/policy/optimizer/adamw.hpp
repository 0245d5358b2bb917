/// Adam with decoupled weight decay.
#pragma once

#include <gradus/core/field.hpp>
#include <gradus/core/state_dict.hpp>
#include <gradus/policy/optimizer/concept.hpp>

#include <ATen/ops/_fused_adamw.h>
#include <ATen/ops/zeros.h>
#include <ATen/ops/zeros_like.h>

#include <array>
#include <string>
#include <vector>

namespace gradus {

/// Which parameters weight decay shrinks: all, or only those with two dimensions or more, that is
/// neither biases nor the scales and shifts of norms.
enum class Decay { all, weights };

constexpr std::array<std::string_view, 2> enum_names(Decay) { return {"all", "weights"}; }

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
        field("lr", &AdamW::lr, positive(), "learning rate"),
        field("beta1", &AdamW::beta1, fraction(), "decay of the first moment"),
        field("beta2", &AdamW::beta2, fraction(), "decay of the second moment"),
        field("eps", &AdamW::eps, positive(), "added to the root of the second moment"),
        field("weight_decay", &AdamW::weight_decay, at_least(0), "decoupled, times the rate"),
        field("decay", &AdamW::decay, "which parameters decay"));
  }

  struct State {
    std::vector<at::Tensor> parameters;
    std::vector<at::Tensor> first_moments;   ///< of each parameter, in its memory format
    std::vector<at::Tensor> second_moments;  ///< likewise
    std::vector<at::Tensor> steps;           ///< float32 [], one per parameter
  };

  [[nodiscard]] State start(const std::vector<NamedTensor>& parameters) const {
    State state;
    for (const auto& named : parameters) {
      const auto& parameter = named.tensor;
      state.parameters.push_back(parameter);
      state.first_moments.push_back(at::zeros_like(parameter.detach()));
      state.second_moments.push_back(at::zeros_like(parameter.detach()));
      state.steps.push_back(
          at::zeros({}, parameter.options().dtype(at::kFloat).requires_grad(false)));
    }
    return state;
  }

  [[nodiscard]] constexpr bool has_momentum() const { return true; }

  void save(const State& state, StateDict& to) const {
    for (std::size_t i = 0; i < state.steps.size(); ++i) {
      const auto number = std::to_string(i);
      to.put("first_moment." + number, state.first_moments[i]);
      to.put("second_moment." + number, state.second_moments[i]);
      to.put("steps." + number, state.steps[i]);
    }
  }
  void load(State& state, const StateDict& from) const {
    for (std::size_t i = 0; i < state.steps.size(); ++i) {
      const auto number = std::to_string(i);
      from.get("first_moment." + number, state.first_moments[i]);
      from.get("second_moment." + number, state.second_moments[i]);
      from.get("steps." + number, state.steps[i]);
    }
  }

  void step(State& state, const Rates& rates) const {
    apply(state, rates, [](const at::Tensor& p) { return p.dim() > 1; }, weight_decay);
    const double of_vectors = decay == Decay::all ? weight_decay : 0;
    apply(state, rates, [](const at::Tensor& p) { return p.dim() <= 1; }, of_vectors);
  }

 private:
  template <class Chosen>
  void apply(State& state, const Rates& rates, Chosen chosen, double shrink) const {
    std::vector<at::Tensor> parameters, gradients, first, second, steps;
    for (std::size_t i = 0; i < state.parameters.size(); ++i) {
      const auto& parameter = state.parameters[i];
      if (!parameter.grad().defined() || !chosen(parameter)) continue;
      parameters.push_back(parameter.detach());
      gradients.push_back(parameter.grad());
      first.push_back(state.first_moments[i]);
      second.push_back(state.second_moments[i]);
      steps.push_back(state.steps[i].add_(1));
    }
    if (parameters.empty()) return;
    at::_fused_adamw_(parameters, gradients, first, second, {}, steps, rates.learning_rate,
                      rates.momentum.value_or(beta1), beta2, shrink, eps, /*amsgrad=*/false,
                      /*maximize=*/false);
  }
};
static_assert(OptimizerPolicy<AdamW>);

}  // namespace gradus
