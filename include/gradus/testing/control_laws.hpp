/// Laws of the axes around the step: mixing, clipping, averaging, guard, freezing, stopping,
/// execution, distribution.
#pragma once

#include <gradus/compose/averaging_mistakes.hpp>
#include <gradus/core/batch.hpp>
#include <gradus/core/parameters.hpp>
#include <gradus/core/step_context.hpp>
#include <gradus/distributed/communicator.hpp>
#include <gradus/policy/averaging/concept.hpp>
#include <gradus/policy/clipping/concept.hpp>
#include <gradus/policy/distribution/concept.hpp>
#include <gradus/policy/execution/capture_plan.hpp>
#include <gradus/policy/execution/concept.hpp>
#include <gradus/policy/freezing/concept.hpp>
#include <gradus/policy/guard/concept.hpp>
#include <gradus/policy/mixing/concept.hpp>
#include <gradus/policy/stopping/concept.hpp>
#include <gradus/testing/common_laws.hpp>
#include <gradus/testing/memory_laws.hpp>
#include <gradus/testing/metric_laws.hpp>
#include <gradus/testing/optimizer_laws.hpp>

#include <torch/types.h>

#include <cmath>
#include <cstdint>
#include <string>
#include <type_traits>
#include <vector>

namespace gradus::testing {

template <class P>
void axis_laws(slot::freezing, BrokenLaws& laws, const P& policy) {
  for (const std::string name :
       {"stem.weight", "norm1.running_mean", "stage1.norm1.bias", "head"}) {
    for (const std::int64_t epoch : {0, 1, 2, 100}) {
      const bool frozen = policy.frozen(name, epoch);
      laws.law(frozen == policy.frozen(name, epoch), "what is frozen depends on name and epoch");
      laws.law(!frozen || policy.frozen(name, 0),
               "what is trained in the first epoch never freezes");
      laws.law(!frozen || P::freezes, "a policy that freezes nothing has nothing frozen");
    }
  }
}

template <class P>
void axis_laws(slot::mixing, BrokenLaws& laws, const P& policy) {
  const auto images = torch::arange(4.0F * 3 * 8 * 8).reshape({4, 3, 8, 8}) / 768;
  const auto mixed = [&](std::uint64_t key) {
    Batch batch{images.clone(), torch::arange(4)};
    if constexpr (P::mixes) policy.mix(batch, key);
    return batch;
  };
  for (std::uint64_t key = 0; key < 20; ++key) {
    const auto batch = mixed(key);
    const auto again = mixed(key);
    laws.law(batch.input.equal(again.input) && batch.target.equal(again.target),
             "the batch is a pure function of the key");
    laws.law(batch.input.sizes() == images.sizes() && batch.size() == 4, "a batch keeps its form");
    laws.law(batch.input.min().ge(images.min() - 1e-6).template item<bool>() &&
                 batch.input.max().le(images.max() + 1e-6).template item<bool>(),
             "blended inputs lie among the inputs");
    if constexpr (P::mixes) {
      laws.law(batch.target.dim() == 2 && at::allclose(batch.target.sum(1), torch::ones({4})),
               "the parts of a target make one");
    }
  }
}

template <class P>
void axis_laws(slot::clipping, BrokenLaws& laws, const P& policy) {
  for (const double size : {0.0, 1e-3, 1.0, 1e3}) {
    const std::vector<at::Tensor> given{torch::linspace(-1, 1, 6) * size,
                                        torch::ones({2, 2}) * size};
    std::vector<at::Tensor> gradients;
    for (const auto& gradient : given) gradients.push_back(gradient.clone());
    if constexpr (P::clips) {
      if constexpr (!std::is_void_v<decltype(policy.clip(gradients))>) {
        const double norm = std::hypot(given[0].norm().template item<double>(),
                                       given[1].norm().template item<double>());
        laws.law(std::abs(policy.clip(gradients).template item<double>() - norm) <= 1e-6 * norm,
                 "it returns the 2-norm of all gradients before it clipped");
      } else {
        policy.clip(gradients);
      }
    }
    for (std::size_t i = 0; i < given.size(); ++i) {
      laws.law(gradients[i].abs().le(given[i].abs()).all().template item<bool>(),
               "no entry of a gradient grows");
      laws.law(gradients[i].mul(given[i]).ge(0).all().template item<bool>(),
               "no entry of a gradient changes its sign");
    }
  }
  if constexpr (P::clips) policy.clip({});
  memory_laws(slot::clipping(), laws, policy);
}

template <class P>
void axis_laws(slot::averaging, BrokenLaws& laws, const P& policy) {
  if constexpr (uses_optimizer_averages<P>) {
    laws.law(std::is_empty_v<state_of<P>>, "it has no state: the averages are the optimizer's");
    laws.law(policy.statistics_batches() >= 0, "there are no fewer than 0 batches");
  } else if constexpr (P::averages_weights) {
    OptimizerTrial trial;
    auto state = policy.start(trial.parameters);
    const at::NoGradGuard no_grad;
    laws.law(policy.averages(state).empty(), "there are no averages before the first weights");
    laws.law(policy.statistics_batches() >= 0, "there are no fewer than 0 batches");
    for (std::int64_t step = 0; step < 8; ++step) {
      for (auto& [name, parameter] : trial.parameters) parameter.add_(1);
      const auto before = trial.weights();
      policy.update(state, {.parameters = trial.parameters, .step = step, .total_steps = 8});
      laws.law(same_bits(trial.weights(), before), "averaging moves no weight");
    }
    const auto& averages = policy.averages(state);
    laws.law(averages.size() == trial.parameters.size(), "each parameter has an average");
    const auto last = trial.weights();
    for (std::size_t i = 0; i < averages.size() && i < last.size(); ++i) {
      laws.law(averages[i].sizes() == last[i].sizes(), "an average has its parameter's form");
      laws.law(averages[i].le(last[i]).all().template item<bool>() &&
                   averages[i].ge(last[i] - 8).all().template item<bool>(),
               "an average lies among the weights");
    }
    state_laws(laws, policy, state, policy.start(trial.parameters));
    memory_laws(slot::averaging(), laws, policy);
  }
}

template <class P>
void axis_laws(slot::guard, BrokenLaws& laws, const P& policy) {
  const auto plan = policy.plan();
  laws.law(plan.max_skipped >= 1, "a run may skip a step");
  laws.law(plan.divergence >= 0, "no bound is negative");
}

/// Whether the policy ends a run because of an epoch of which nothing is known.
template <class P>
bool stops_at_nothing(const P& policy) {
  const EpochRecord nothing{.epoch = 1, .test = Evaluation{}};
  if constexpr (std::is_empty_v<state_of<P>>) {
    return policy.stop(nothing);
  } else {
    bool stops = false;
    auto state = policy.start({});
    for (int epoch = 0; epoch < 100; ++epoch) stops = stops || policy.stop(state, nothing);
    return stops;
  }
}

template <class P>
void axis_laws(slot::stopping, BrokenLaws& laws, const P& policy) {
  const auto better = [](std::int64_t epoch) {
    return EpochRecord{.epoch = epoch,
                       .train_loss = 1.0 / static_cast<double>(epoch),
                       .test = Evaluation{.samples = 100,
                                          .counted = 100,
                                          .correct = epoch,
                                          .loss = 100 - static_cast<double>(epoch)}};
  };
  laws.law(!stops_at_nothing(policy), "an epoch without a loss or an accuracy ends no run");
  if constexpr (std::is_empty_v<state_of<P>>) {
    laws.law(policy.stop(better(1)) == policy.stop(better(1)), "it is a function of the record");
  } else {
    auto state = policy.start({});
    for (std::int64_t epoch = 1; epoch <= 50; ++epoch) {
      laws.law(!policy.stop(state, better(epoch)), "a run that gets better and better continues");
    }
    state_laws(laws, policy, state, policy.start({}));
    auto falling = policy.start({});
    for (const double loss : falling_losses()) {
      laws.law(!policy.stop(falling, record_of(loss)),
               "a loss that falls is better, however large or far below zero");
    }
    const auto before = copy_of_state(policy, falling);
    static_cast<void>(policy.stop(falling, EpochRecord{}));
    laws.law(same_state(copy_of_state(policy, falling), before),
             "an epoch without a metric does not count");
  }
}

template <class P>
void axis_laws(slot::execution, BrokenLaws& laws, const P& policy) {
  if constexpr (P::captures) {
    const CapturePlan plan = policy.plan();
    laws.law(plan.warmup_steps >= 3, "a capture comes after 3 warm-up steps at least");
    laws.law(plan.max_graphs >= 1, "a graph is kept");
    const c10::Device cpu(c10::kCPU);
    const std::string obstacle = P::Backend::obstacle(cpu);
    laws.law(obstacle == std::string(P::Backend::obstacle(cpu)),
             "whether a device has graphs never changes");
    laws.law(obstacle.find_first_of(".\n") == obstacle.npos,
             "an obstacle is a clause: one line without a full stop");
  } else {
    laws.law(std::is_empty_v<P>, "a policy that captures nothing has no numbers");
  }
}

/// In a process that is alone.
template <class P>
void axis_laws(slot::distribution, BrokenLaws& laws, const P& policy) {
  if constexpr (P::distributes) {
    const std::vector<NamedTensor> parameters{{"weight", torch::ones({2, 2}).requires_grad_()}};
    const auto state = policy.start(parameters);
    auto& ranks = policy.ranks(state);
    laws.law(ranks.size() == 1 && ranks.rank() == 0, "a process that is alone is rank 0 of 1");
    laws.law(&policy.ranks(state) == &ranks, "which processes there are never changes");
    laws.law(parameters[0].tensor.equal(torch::ones({2, 2})), "it changes no weights");
  } else {
    laws.law(std::is_empty_v<P>, "a policy that distributes nothing has no numbers");
  }
}

}  // namespace gradus::testing
