/// Laws of whatever changes parameters or gradients: strides and number types change no result, and
/// nothing beside a tensor is touched.
#pragma once

#include <gradus/core/parameters.hpp>
#include <gradus/core/rates.hpp>
#include <gradus/core/step_context.hpp>
#include <gradus/error.hpp>
#include <gradus/policy/averaging/concept.hpp>
#include <gradus/policy/clipping/concept.hpp>
#include <gradus/policy/optimizer/concept.hpp>
#include <gradus/testing/broken_laws.hpp>
#include <gradus/testing/memory_forms.hpp>

#include <torch/types.h>

#include <optional>
#include <string>
#include <vector>

namespace gradus::testing {

namespace detail {

/// Whether `one` is `other` up to `part` of how far they have come from `begin`, and rounding.
inline bool near(const at::Tensor& one, const at::Tensor& other, const at::Tensor& begin,
                 double part, double epsilon) {
  if (one.numel() == 0) return true;
  const auto wide = [](const at::Tensor& tensor) {
    return tensor.to(tensor.is_complex() ? at::kComplexDouble : at::kDouble);
  };
  const double moved = (wide(other) - wide(begin)).abs().max().item<double>();
  const double size = wide(other).abs().max().item<double>();
  return (wide(one) - wide(other)).abs().max().item<double>() <= part * moved + epsilon * size;
}

/// Steps over one parameter, which starts as `tensor`, along `gradient(step)`.
template <class P, class Gradient>
void take_steps(const P& policy, const at::Tensor& tensor, Gradient gradient) {
  const std::vector<NamedTensor> parameters{{"weight", tensor}};
  tensor.requires_grad_();
  auto state = policy.start(parameters);
  for (int step = 0; step < 5; ++step) {
    tensor.mutable_grad() = gradient(step);
    policy.step(state, Rates{policy.lr, std::nullopt});
  }
  tensor.requires_grad_(false);
}

}  // namespace detail

/// Element i is updated by element i of the gradient, whatever the strides of both.
template <class P>
void memory_laws(slot::optimizer, BrokenLaws& laws, const P& policy,
                 c10::Device device = c10::kCPU) {
  for (const auto& values : weight_shapes(device)) {
    const auto begin = memory_forms(values).front().tensor;
    const auto expected = begin.clone();
    detail::take_steps(policy, expected, [&](int step) { return weight_gradient(values, step); });
    for (const bool as_parameter : {true, false}) {  // the order of the gradient
      for (auto& form : memory_forms(values)) {
        detail::take_steps(policy, form.tensor, [&](int step) {
          const auto gradient = weight_gradient(values, step);
          return as_parameter ? at::empty_like(form.tensor).copy_(gradient) : gradient;
        });
        // Muon may compute in 16 bits, and a product of another layout may round differently.
        laws.law(detail::near(form.tensor, expected, begin, 0.02, 1e-6),
                 "a parameter that is " + form.name + " is updated as a dense one");
        laws.law(form.neighbours_stay(),
                 "memory beside a parameter that is " + form.name + " stays");
      }
    }
  }
}

/// Other number types than float32 are updated to their precision, or refused by name before the
/// first step; what is frozen stays, of whatever type.
template <class P>
void type_laws(slot::optimizer, BrokenLaws& laws, const P& policy, c10::Device device = c10::kCPU) {
  const auto values = weight_shapes(device).front();
  const auto exact = values.to(at::kDouble);
  detail::take_steps(policy, exact,
                     [&](int step) { return weight_gradient(values, step).to(at::kDouble); });
  struct Type {
    at::ScalarType type;
    double part;
    double epsilon;
  };
  for (const auto& [type, part, epsilon] : {Type{at::kDouble, 0.02, 1e-12},  //
                                            {at::kHalf, 0.2, 4e-3},
                                            {at::kBFloat16, 0.2, 3e-2},
                                            {at::kComplexFloat, 0.2, 1e-5}}) {
    const std::string name = c10::toString(type);
    const auto begin = values.to(type);
    const auto weights = begin.clone();
    try {
      detail::take_steps(policy, weights,
                         [&](int step) { return weight_gradient(values, step).to(type); });
      const auto found = weights.is_complex() ? at::real(weights) : weights;
      laws.law(detail::near(found, exact, values, part, epsilon),
               "weights of type " + name + " are updated to their precision, or refused");
    } catch (const ConfigurationError& error) {
      laws.law(std::string(error.what()).find("'weight'") != std::string::npos,
               "a refusal of weights of type " + name + " names the parameter");
      laws.law(weights.equal(begin), "what is refused is not changed");
    } catch (const std::exception&) {  // of LibTorch, whose operator has no such type
      laws.law(weights.equal(begin), "what is refused is not changed");
    }
  }
  const auto frozen = torch::arange(5, device);
  const auto weight = values.clone().requires_grad_();
  auto state = policy.start({{"frozen", frozen}, {"weight", weight}});
  weight.mutable_grad() = weight_gradient(values, 0);
  policy.step(state, Rates{policy.lr, std::nullopt});
  laws.law(frozen.equal(torch::arange(5, device)), "a frozen parameter of whole numbers stays");
}

template <class P>
void memory_laws(slot::clipping, BrokenLaws& laws, const P& policy,
                 c10::Device device = c10::kCPU) {
  if constexpr (P::clips) {
    for (const auto type : {at::kFloat, at::kDouble, at::kBFloat16}) {
      for (const auto& values : weight_shapes(device)) {
        const auto gradient = (weight_gradient(values, 1) * 100).to(type);
        const auto expected = gradient.clone();
        policy.clip({expected});
        for (auto& form : memory_forms(gradient)) {
          policy.clip({form.tensor});
          laws.law(detail::near(form.tensor, expected, gradient, 0.01, 1e-6),
                   "a gradient that is " + form.name + " is clipped as a dense one");
          laws.law(form.neighbours_stay(), "memory beside a gradient that is clipped stays");
        }
      }
    }
  }
}

/// The mean of weights of every form and type is that of the same values in float64.
template <class P>
void memory_laws(slot::averaging, BrokenLaws& laws, const P& policy,
                 c10::Device device = c10::kCPU) {
  if constexpr (P::averages_weights) {
    const auto averaged = [&](const at::Tensor& weight, const at::Tensor& values,
                              at::ScalarType type) {
      const std::vector<NamedTensor> parameters{{"weight", weight}};
      auto state = policy.start(parameters);
      for (std::int64_t step = 0; step < 400; ++step) {
        const double added = 1 - 1 / (1 + 0.01 * static_cast<double>(step));
        weight.copy_((values.to(at::kDouble) + added).to(type));
        policy.update(state, {.parameters = parameters, .step = step, .total_steps = 400});
      }
      return policy.averages(state).empty() ? at::Tensor() : policy.averages(state)[0].clone();
    };
    for (const auto type : {at::kFloat, at::kDouble, at::kBFloat16, at::kHalf}) {
      for (const auto& values : weight_shapes(device)) {
        const auto exact = averaged(values.to(at::kDouble), values, type);
        for (auto& form : memory_forms(values.to(type))) {
          const auto found = averaged(form.tensor, values, type);
          if (!found.defined() || found.numel() == 0) continue;
          const double off = (found.to(at::kDouble) - exact).abs().max().template item<double>();
          laws.law(off <= 1e-5, "the average of weights of type " +
                                    std::string(c10::toString(type)) +
                                    " is that of the same values in float64");
          laws.law(form.neighbours_stay(), "memory beside a weight that is averaged stays");
        }
      }
    }
    const auto whole = torch::arange(5, device);
    const auto last = averaged(whole, torch::arange(5, device), at::kLong);
    laws.law(!last.defined() || last.equal(whole),
             "of whole numbers the last ones are kept, for they have no mean");
  }
}

}  // namespace gradus::testing
