/// Parameters and batch norms that rest, as a freezing policy says.
#pragma once

#include <gradus/core/parameters.hpp>
#include <gradus/error.hpp>
#include <gradus/train/model/evaluation_mode.hpp>

#include <torch/nn/module.h>

#include <algorithm>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace gradus {

/// Whether the policy freezes a parameter in an epoch, by any of its names.
template <class Freezing>
[[nodiscard]] bool is_frozen(const Freezing& policy, const NamedTensor& parameter,
                             std::int64_t epoch) {
  return parameter.any_name([&](const std::string& name) { return policy.frozen(name, epoch); });
}

/// Throws ConfigurationError if the policy freezes no parameter of the model, or all of them from
/// the start.
template <class Freezing>
void check_frozen(const Freezing& policy, const std::vector<NamedTensor>& parameters) {
  const auto begins = [&](const NamedTensor& parameter) { return is_frozen(policy, parameter, 0); };
  const auto refuse = [](const std::string& what, const std::string& advice) {
    throw ConfigurationError("policy " + std::string(Freezing::name) +
                             " of axis freezing freezes " + what + "; " + advice + ".");
  };
  if (std::none_of(parameters.begin(), parameters.end(), begins)) {
    refuse("no parameter of the model",
           "give it names that the model has" +
               (parameters.empty() ? "" : ", such as '" + parameters.front().name + "'"));
  }
  const auto trained = [&](const NamedTensor& parameter) {
    return parameter.tensor.requires_grad() && !begins(parameter);
  };
  if (std::none_of(parameters.begin(), parameters.end(), trained)) {
    refuse("all that is trained, so nothing can be learned", "leave out what is to move");
  }
}

/// The parts of the model with running statistics that rest in the first epoch, each with the name
/// of its mean.
template <class Freezing>
auto norms_frozen_first(const Freezing& policy, torch::nn::Module& model) {
  std::vector<std::pair<std::string, std::shared_ptr<torch::nn::Module>>> norms;
  for (const auto& part : model.named_modules()) {
    const auto name = part.key() + (part.key().empty() ? "" : ".") + "running_mean";
    if (part.value()->named_buffers(/*recurse=*/false).contains("running_mean") &&
        policy.frozen(name, 0)) {
      norms.emplace_back(name, part.value());
    }
  }
  return norms;
}

/// Freezes and unfreezes for `epoch`, from 0. `start` is the first time. What is not frozen in
/// epoch 0 is left as the model has it; what is frozen at the end of a run stays so in the model.
/// Throws ConfigurationError for a policy that freezes nothing, or everything.
template <class Freezing>
void apply_freezing(const Freezing& policy, torch::nn::Module& model,
                    const std::vector<NamedTensor>& parameters, std::int64_t epoch, bool start) {
  if constexpr (Freezing::freezes) {
    if (start) check_frozen(policy, parameters);
    for (const auto& parameter : parameters) {
      const auto& tensor = parameter.tensor;
      if (!is_frozen(policy, parameter, 0)) continue;
      if (!tensor.is_floating_point() && !tensor.is_complex()) continue;
      at::Tensor(tensor).requires_grad_(!is_frozen(policy, parameter, epoch));
    }
    for (const auto& [name, norm] : norms_frozen_first(policy, model)) {
      norm->train(!policy.frozen(name, epoch));
    }
  }
}

/// While it lives the batch norms that rest at first, but not in all of the first `epochs` epochs,
/// are in training mode; afterwards they are in the mode that they were in.
class ThawedNorms {
 public:
  template <class Freezing>
  ThawedNorms(const Freezing& policy, torch::nn::Module& model, std::int64_t epochs) {
    if constexpr (Freezing::freezes) {
      for (const auto& [name, norm] : norms_frozen_first(policy, model)) {
        std::int64_t epoch = 1;
        while (epoch < epochs && policy.frozen(name, epoch)) ++epoch;
        if (epoch >= epochs) continue;
        before_.emplace_back(norm, norm->is_training());
        norm->train();
      }
    }
  }
  ThawedNorms(const ThawedNorms&) = delete;
  ThawedNorms& operator=(const ThawedNorms&) = delete;
  ~ThawedNorms() { set_modes(before_); }

 private:
  ModuleModes before_;
};

}  // namespace gradus
