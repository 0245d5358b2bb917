/// Laws of the axes that act within the forward pass: precision, kernels and loss.
#pragma once

#include <gradus/core/kernel_choice.hpp>
#include <gradus/policy/kernels/concept.hpp>
#include <gradus/policy/loss/concept.hpp>
#include <gradus/policy/precision/concept.hpp>
#include <gradus/policy/precision/precision_choice.hpp>
#include <gradus/testing/common_laws.hpp>

#include <ATen/autocast_mode.h>
#include <torch/types.h>

#include <cmath>
#include <cstdint>
#include <utility>

namespace gradus::testing {

template <class P>
void axis_laws(slot::precision, BrokenLaws& laws, const P& policy) {
  const c10::Device cpu(c10::kCPU);
  const auto choice = policy.choose(cpu);
  laws.law(policy.choose(cpu).type == choice.type, "the choice never changes");
  laws.law(!choice.reason.empty(), "it says why it chose");
  laws.law(!choice.scaled || choice.type == c10::kHalf, "only float16 is scaled");

  auto state = policy.start(cpu);
  laws.law((policy.scaler(state) != nullptr) == choice.scaled, "it has a scaler if it scales");
  const bool enabled = at::autocast::is_autocast_enabled(at::kCPU);
  const auto weight = torch::eye(8).requires_grad_();
  at::Tensor output;
  {
    [[maybe_unused]] const auto scope = policy.forward_scope(state);
    output = torch::ones({4, 8}).mm(weight);
  }
  laws.law(output.scalar_type() == choice.type, "a product in its scope has the type it chose");
  laws.law(at::autocast::is_autocast_enabled(at::kCPU) == enabled, "its scope restores autocast");
  output.sum().backward();
  laws.law(weight.grad().scalar_type() == at::kFloat, "gradients of weights are float32");
  state_laws(laws, policy, state, policy.start(cpu));
}

template <class P>
void axis_laws(slot::kernels, BrokenLaws& laws, const P& policy) {
  const c10::Device cpu(c10::kCPU);
  auto state = policy.start(cpu);
  laws.law(policy.choices(state).empty(), "nothing is chosen before anything runs");
  const auto x = torch::randn({4, 16, 9, 9}), weight = torch::randn({16, 16, 3, 3});
  const auto bias = torch::randn({16});
  const auto compute = [&](bool in_scope) {
    const auto w = weight.clone().requires_grad_();
    const auto y = [&] {
      if (!in_scope) return torch::conv2d(x, w, bias, 1, 1).relu();
      [[maybe_unused]] const auto scope = policy.kernel_scope(state);
      return torch::conv2d(x, w, bias, 1, 1).relu();
    }();
    y.sum().backward();  // outside: gradients may be computed when the scope has ended
    return std::pair(y.detach(), w.grad());
  };
  const auto [expected, expected_gradient] = compute(false);
  const auto [output, gradient] = compute(true);
  const auto near = [](const at::Tensor& one, const at::Tensor& other) {
    return one.sizes() == other.sizes() && one.scalar_type() == other.scalar_type() &&
           ((one - other).norm() / other.norm()).template item<double>() < 1e-4;
  };
  laws.law(near(output, expected), "its operators give what LibTorch's do");
  laws.law(near(gradient, expected_gradient), "their gradients are LibTorch's");
  laws.law(compute(false).first.equal(expected), "outside of its scope nothing has changed");
  laws.law(compute(true).first.equal(output), "what was chosen once stays");
  for (const auto& choice : policy.choices(state)) {
    laws.law(!choice.operation.empty() && !choice.way.empty(), "it says what it has chosen");
  }
  state_laws(laws, policy, state, policy.start(cpu));
}

template <class P>
void axis_laws(slot::loss, BrokenLaws& laws, const P& policy) {
  const auto output = torch::randn({6, 10}).requires_grad_();
  auto target = torch::arange(6);
  if constexpr (requires { policy.target_mistake(output, target); }) {
    const bool of_classes = policy.target_mistake(output, target).empty();
    if (!of_classes) target = torch::randn({6, 10}).softmax(1);
  }
  const auto loss = policy.loss(output, target);
  laws.law(loss.dim() == 0 && loss.scalar_type() == at::kFloat, "the loss is float32 []");
  loss.backward();
  laws.law(output.grad().defined() && output.grad().isfinite().all().template item<bool>(),
           "the loss has a finite gradient");
  const auto twice = policy.loss(at::cat({output, output}), at::cat({target, target}));
  laws.law(at::allclose(twice, loss), "the loss is a mean over samples");
  laws.law(policy.evaluate(output, target).isfinite().template item<bool>(),
           "what evaluation reports is finite");
  if constexpr (requires { policy.weight(target); }) {
    const auto weighted = [&](std::int64_t first, std::int64_t count) {
      const auto part = target.narrow(0, first, count);
      const auto mean = policy.evaluate(output.detach().narrow(0, first, count), part);
      return mean.template item<double>() * policy.weight(part);
    };
    laws.law(policy.weight(target) >= 0, "a weight is not negative");
    laws.law(std::abs(weighted(0, 2) + weighted(2, 4) - weighted(0, 6)) <=
                 1e-5 * (1 + std::abs(weighted(0, 6))),
             "means weighted by `weight` add up to the mean of all");
  }
  if constexpr (requires { policy.correct(output, target); }) {
    const auto correct = policy.correct(output, target).template item<std::int64_t>();
    const auto counted = policy.counted(target).template item<std::int64_t>();
    laws.law(correct >= 0 && correct <= counted, "no more answers are right than are counted");
  }
}

}  // namespace gradus::testing
