/// Laws of extension axes: their policies are called by their hooks as a trainer would.
#pragma once

#include <gradus/core/batch.hpp>
#include <gradus/core/step_context.hpp>
#include <gradus/testing/common_laws.hpp>
#include <gradus/testing/optimizer_laws.hpp>

#include <torch/types.h>

#include <cstdint>
#include <type_traits>
#include <vector>

namespace gradus::testing {

/// A few steps of gradient descent with the hooks of one policy.
template <class P>
class HookTrial {
 public:
  explicit HookTrial(const P& policy) : policy_(policy), state_(fresh_state()) {}

  void run(BrokenLaws& laws, int from, int to) {
    for (int step = from; step < to; ++step) {
      trial_.set_gradients(step);
      const StepContext context{
          .parameters = trial_.parameters, .seed = 3, .step = step, .total_steps = 10};
      batch_ = {torch::arange(24.0F).reshape({4, 6}) / (24 + step), torch::arange(4)};
      auto loss = (trial_.parameters[0].tensor * 0.5).sum();
      if constexpr (requires { &P::before_forward; }) {
        call([&](auto&... a) { policy_.before_forward(a...); }, batch_, context);
      }
      laws.law(batch_.size() == 4 && batch_.input.size(0) == 4, "a batch keeps its samples");
      if constexpr (requires { &P::before_backward; }) {
        call([&](auto&... a) { policy_.before_backward(a...); }, loss, context);
      }
      laws.law(loss.dim() == 0 && loss.isfinite().template item<bool>(),
               "the loss stays finite, []");
      if constexpr (requires { &P::before_step; }) {
        call([&](auto&... a) { policy_.before_step(a...); }, context);
      }
      descend(laws);
      if constexpr (requires { &P::after_step; }) {
        call([&](auto&... a) { policy_.after_step(a...); }, context);
      }
    }
  }

  /// The weights and the run state of `other`, by way of `save` and `load`.
  void resume(const HookTrial& other) {
    const at::NoGradGuard no_grad;
    for (std::size_t i = 0; i < trial_.parameters.size(); ++i) {
      trial_.parameters[i].tensor.copy_(other.trial_.parameters[i].tensor);
    }
    StateDict saved;
    policy_.save(other.state_, saved);
    policy_.load(state_, saved);
  }

  /// All that the steps left behind.
  [[nodiscard]] std::vector<at::Tensor> result() const {
    auto result = trial_.weights();
    result.push_back(batch_.input);
    if constexpr (has_state) {
      StateDict saved;
      policy_.save(state_, saved);
      for (const auto& [name, tensor] : saved.entries()) result.push_back(tensor);
    }
    return result;
  }

  [[nodiscard]] const state_of<P>& state() const { return state_; }
  [[nodiscard]] state_of<P> fresh_state() const {
    if constexpr (has_state) {
      return policy_.start(trial_.parameters);
    } else {
      return {};
    }
  }

  static constexpr bool has_state = !std::is_empty_v<state_of<P>>;

 private:
  void descend(BrokenLaws& laws) {
    const at::NoGradGuard no_grad;
    for (auto& [name, parameter] : trial_.parameters) {
      laws.law(parameter.grad().isfinite().all().template item<bool>(), "gradients stay finite");
      parameter.sub_(parameter.grad(), 0.125);
    }
  }

  template <class Function, class... Arguments>
  void call(Function&& function, Arguments&... arguments) {
    if constexpr (has_state) {
      function(state_, arguments...);
    } else {
      function(arguments...);
    }
  }

  static OptimizerTrial with_gradients() {
    OptimizerTrial trial;
    trial.parameters.pop_back();  // the one that never has a gradient
    return trial;
  }

  const P& policy_;
  OptimizerTrial trial_ = with_gradients();
  Batch batch_;
  [[no_unique_address]] state_of<P> state_;
};

template <class Slot, class P>
void axis_laws(Slot, BrokenLaws& laws, const P& policy) {
  HookTrial<P> one(policy);
  HookTrial<P> two(policy);
  one.run(laws, 0, 3);
  two.run(laws, 0, 3);
  laws.law(same_bits(one.result(), two.result()), "the same steps give the same bits");
  if constexpr (HookTrial<P>::has_state) {
    state_laws(laws, policy, one.state(), one.fresh_state());
    HookTrial<P> resumed(policy);
    resumed.resume(one);
    one.run(laws, 3, 6);
    resumed.run(laws, 3, 6);
    laws.law(same_bits(one.result(), resumed.result()),
             "a run that is saved and loaded resumes bit for bit");
  }
}

}  // namespace gradus::testing
