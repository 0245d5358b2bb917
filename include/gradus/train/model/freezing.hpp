/// Parameters and batch norms that rest, as a freezing policy says.
#pragma once

#include <gradus/core/parameters.hpp>
#include <gradus/error.hpp>

#include <torch/nn/module.h>

#include <algorithm>
#include <cstdint>
#include <string>
#include <vector>

namespace gradus {

template <class Freezing>
void check_frozen(const Freezing& policy, const std::vector<NamedTensor>& parameters) {
  const auto rests = [&](const NamedTensor& parameter) { return policy.frozen(parameter.name, 0); };
  const auto refuse = [](const std::string& what, const std::string& advice) {
    throw ConfigurationError("policy " + std::string(Freezing::name) +
                             " of axis freezing freezes " + what + "; " + advice + ".");
  };
  if (std::none_of(parameters.begin(), parameters.end(), rests)) {
    refuse("no parameter of the model",
           "give it names that the model has" +
               (parameters.empty() ? "" : ", such as '" + parameters.front().name + "'"));
  }
  const auto trained = [&](const NamedTensor& parameter) {
    return parameter.tensor.requires_grad() && !rests(parameter);
  };
  if (std::none_of(parameters.begin(), parameters.end(), trained)) {
    refuse("all that is trained, so nothing can be learned", "leave out what is to move");
  }
}

/// Freezes and thaws for `epoch`, from 0. `start` is the first time. What is not frozen in epoch 0
/// is left as the model has it; what is frozen at the end of a run stays so in the model. Returns
/// whether anything has changed. Throws ConfigurationError for a policy that freezes nothing, or
/// everything.
template <class Freezing>
bool apply_freezing(const Freezing& policy, torch::nn::Module& model,
                    const std::vector<NamedTensor>& parameters, std::int64_t epoch, bool start) {
  if constexpr (!Freezing::freezes) {
    return false;
  } else {
    const auto begins = [&](const std::string& name) { return policy.frozen(name, 0); };
    if (start) check_frozen(policy, parameters);
    bool changed = false;
    for (const auto& [name, parameter] : parameters) {
      if (!begins(name) || !(parameter.is_floating_point() || parameter.is_complex())) continue;
      const bool trained = !policy.frozen(name, epoch);
      changed = changed || parameter.requires_grad() != trained;
      at::Tensor(parameter).requires_grad_(trained);
    }
    for (const auto& part : model.named_modules()) {
      const auto* statistics = part.value()->named_buffers(/*recurse=*/false).find("running_mean");
      const auto name = part.key() + (part.key().empty() ? "" : ".") + "running_mean";
      if (statistics == nullptr || !begins(name)) continue;
      const bool trained = !policy.frozen(name, epoch);
      changed = changed || part.value()->is_training() != trained;
      part.value()->train(trained);
    }
    return changed;
  }
}

}  // namespace gradus
