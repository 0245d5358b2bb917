/// Laws of the optimizer axis.
#pragma once

#include <gradus/compose/averaging_mistakes.hpp>
#include <gradus/policy/optimizer/concept.hpp>
#include <gradus/testing/common_laws.hpp>
#include <gradus/testing/memory_laws.hpp>

#include <torch/types.h>

#include <optional>
#include <vector>

namespace gradus::testing {

/// A matrix and a vector with gradients, and one parameter that never has one.
struct OptimizerTrial {
  std::vector<NamedTensor> parameters;

  OptimizerTrial() {
    add("matrix", torch::arange(12.0F).reshape({3, 4}) / 8 - 0.5);
    add("vector", torch::arange(4.0F) / 4 + 0.1);
    add("unused", torch::ones({2}));
  }

  void set_gradients(int step) {
    for (std::size_t i = 0; i < 2; ++i) {
      auto& parameter = parameters[i].tensor;
      const auto index = torch::arange(static_cast<float>(parameter.numel())).reshape_as(parameter);
      parameter.mutable_grad() = ((index * 7 + step * 3).remainder(11) - 4) / 8;
    }
  }

  [[nodiscard]] std::vector<at::Tensor> weights() const {
    std::vector<at::Tensor> copies;
    for (const auto& parameter : parameters) copies.push_back(parameter.tensor.detach().clone());
    return copies;
  }

 private:
  void add(std::string name, const at::Tensor& values) {
    parameters.push_back({std::move(name), values.clone().requires_grad_()});
  }
};

/// Whether two lists of tensors are equal, element by element.
inline bool same_bits(const std::vector<at::Tensor>& a, const std::vector<at::Tensor>& b) {
  bool same = a.size() == b.size();
  for (std::size_t i = 0; same && i < a.size(); ++i) same = a[i].equal(b[i]);
  return same;
}

/// A step that the device may void: it is the step of the host, or nothing at all.
template <class P>
void device_step_laws(BrokenLaws& laws, const P& policy) {
  const auto rate = torch::full({1}, policy.lr, torch::kDouble);
  const auto saved = [&](const state_of<P>& state) {
    StateDict dict;
    policy.save(state, dict);
    std::vector<at::Tensor> tensors;
    for (const auto& [name, tensor] : dict.entries()) tensors.push_back(tensor);
    return tensors;
  };
  OptimizerTrial host;
  OptimizerTrial device;
  auto state_host = policy.start(host.parameters);
  auto state_device = policy.start(device.parameters);
  for (int step = 0; step < 4; ++step) {
    host.set_gradients(step);
    policy.step(state_host, Rates{policy.lr, std::nullopt});
    device.set_gradients(step);
    policy.step_on_device(state_device, Rates{policy.lr, std::nullopt}, rate, torch::zeros({1}));
    const auto before = saved(state_device);
    policy.step_on_device(state_device, Rates{policy.lr, std::nullopt}, rate, torch::ones({1}));
    laws.law(same_bits(saved(state_device), before), "a void step changes no run state");
    laws.law(same_bits(host.weights(), device.weights()),
             "a step on the device is the step of the host, and a void one none");
  }
}

/// Of an optimizer that is evaluated with other weights than it trains.
template <class P>
void own_average_laws(BrokenLaws& laws, const P& policy) {
  OptimizerTrial trial;
  auto state = policy.start(trial.parameters);
  laws.law(policy.averages(state).empty(), "there are no averages before the first step");
  for (int step = 0; step < 4; ++step) {
    trial.set_gradients(step);
    policy.step(state, Rates{policy.lr, std::nullopt});
  }
  const auto before = trial.weights();
  const auto averages = policy.averages(state);
  laws.law(same_bits(trial.weights(), before), "giving averages changes no weight");
  laws.law(averages.size() == before.size(), "each parameter has an average");
  for (std::size_t i = 0; i < averages.size() && i < before.size(); ++i) {
    laws.law(averages[i].sizes() == before[i].sizes() &&
                 averages[i].scalar_type() == before[i].scalar_type(),
             "an average has its parameter's form");
  }
  laws.law(averages.size() == 3 && averages[2].equal(before[2]),
           "a parameter without gradient is its own average");
  auto loaded = policy.start(trial.parameters);
  StateDict saved;
  policy.save(state, saved);
  policy.load(loaded, saved);
  laws.law(same_bits(policy.averages(loaded), averages), "a state that is loaded has its averages");
}

template <class P>
void axis_laws(slot::optimizer, BrokenLaws& laws, const P& policy) {
  const auto run = [&](OptimizerTrial& trial, state_of<P>& state, int from, int to,
                       std::optional<double> momentum = {}) {
    for (int step = from; step < to; ++step) {
      trial.set_gradients(step);
      policy.step(state, Rates{policy.lr, momentum});
    }
    return trial.weights();
  };
  OptimizerTrial trial;
  const auto before = trial.weights();
  auto state = policy.start(trial.parameters);
  laws.law(same_bits(trial.weights(), before), "`start` moves no weight");

  trial.set_gradients(0);
  const auto gradient = trial.parameters[0].tensor.grad().clone();
  policy.step(state, Rates{policy.lr, std::nullopt});
  laws.law(trial.parameters[0].tensor.grad().equal(gradient), "a step changes no gradient");
  laws.law(trial.parameters[2].tensor.equal(before[2]), "a parameter without gradient stays");
  laws.law(!trial.parameters[0].tensor.detach().equal(before[0]), "a step moves the weights");
  laws.law(trial.parameters[0].tensor.detach().isfinite().all().template item<bool>(),
           "weights stay finite");

  OptimizerTrial one;
  OptimizerTrial two;
  auto state_one = policy.start(one.parameters);
  auto state_two = policy.start(two.parameters);
  laws.law(same_bits(run(one, state_one, 0, 5), run(two, state_two, 0, 5)),
           "the same steps give the same bits");
  OptimizerTrial resumed;
  auto state_resumed = policy.start(resumed.parameters);
  {
    const at::NoGradGuard no_grad;
    for (std::size_t i = 0; i < one.parameters.size(); ++i) {
      resumed.parameters[i].tensor.copy_(one.parameters[i].tensor);
    }
  }
  if constexpr (!std::is_empty_v<state_of<P>>) {
    StateDict saved;
    policy.save(state_one, saved);
    policy.load(state_resumed, saved);
    laws.law(same_bits(run(one, state_one, 5, 9), run(resumed, state_resumed, 5, 9)),
             "a run that is saved and loaded resumes bit for bit");
    state_laws(laws, policy, state_one, policy.start(resumed.parameters));
  }

  if constexpr (has_own_averages<P>) own_average_laws(laws, policy);
  memory_laws(slot::optimizer(), laws, policy);
  type_laws(slot::optimizer(), laws, policy);
  if constexpr (requires { policy.steps_on_device(); }) {
    if (policy.steps_on_device()) device_step_laws(laws, policy);
  }
  if (policy.has_momentum()) {
    OptimizerTrial low;
    OptimizerTrial high;
    auto state_low = policy.start(low.parameters);
    auto state_high = policy.start(high.parameters);
    laws.law(!same_bits(run(low, state_low, 0, 60, 0.1), run(high, state_high, 0, 60, 0.9)),
             "it has momentum, so the momentum of a schedule changes its steps");
  }
}

}  // namespace gradus::testing
