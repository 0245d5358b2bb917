/// Parameters that a run can train, and that are still those of its model.
#pragma once

#include <gradus/core/memory_form.hpp>
#include <gradus/core/parameters.hpp>
#include <gradus/error.hpp>

#include <torch/nn/module.h>

#include <algorithm>
#include <map>
#include <string>
#include <vector>

namespace gradus {

/// Throws ConfigurationError for a parameter whose elements cannot be updated one by one: it is not
/// strided, several of its elements are one value in memory, it is the memory of another one, or it
/// is trained in a type that no optimizer computes in.
inline void check_trainable(const std::vector<NamedTensor>& parameters) {
  std::map<const void*, std::string> seen;
  for (const auto& [name, tensor] : parameters) {
    if (tensor.layout() != at::kStrided) {
      throw ConfigurationError("parameter '" + name + "' is " + c10::str(tensor.layout()) +
                               ", but only strided ones can be trained; make it dense.");
    }
    const auto type = tensor.scalar_type();
    const bool computes = type == at::kFloat || type == at::kDouble || type == at::kHalf ||
                          type == at::kBFloat16 || type == at::kComplexFloat ||
                          type == at::kComplexDouble;
    if (tensor.requires_grad() && !computes) {
      throw ConfigurationError("parameter '" + name + "' is " + c10::toString(type) +
                               ", which no optimizer computes in; freeze it by "
                               "requires_grad_(false), or train it in another type.");
    }
    if (overlaps_itself(tensor)) {
      throw ConfigurationError(
          "several elements of parameter '" + name + "' " + c10::str(tensor.sizes()) +
          " are one value in memory, as after `expand`, so they cannot be updated one by one; "
          "register a parameter of its own size and expand it in `forward`.");
    }
    if (tensor.numel() == 0) continue;
    const auto [known, is_new] = seen.emplace(tensor.const_data_ptr(), name);
    if (is_new) continue;
    throw ConfigurationError("parameters '" + known->second + "' and '" + name +
                             "' are two tensors over the same memory, which would be updated "
                             "twice; share one by `tie_parameter` or a sharing policy.");
  }
}

/// Throws ConfigurationError if no parameter is trained.
inline void check_any_trained(const std::vector<NamedTensor>& parameters) {
  const auto is_trained = [](const NamedTensor& one) { return one.tensor.requires_grad(); };
  if (std::any_of(parameters.begin(), parameters.end(), is_trained)) return;
  if (parameters.empty()) {
    throw ConfigurationError(
        "the model has no parameters, so nothing can be learned; register its layers by "
        "register_module.");
  }
  throw ConfigurationError("all " + std::to_string(parameters.size()) +
                           " parameters of the model are frozen, so nothing can be learned; call "
                           "requires_grad_(true) on those to train, such as '" +
                           parameters.back().name + "'.");
}

/// Throws ConfigurationError if the model of a trainer has other parameters than when the trainer
/// was made: a layer was replaced, or tied by another trainer.
inline void check_same_parameters(const std::vector<NamedTensor>& known,
                                  const torch::nn::Module& model) {
  const auto now = unique_parameters(model);
  const bool same = std::equal(known.begin(), known.end(), now.begin(), now.end(),
                               [](const NamedTensor& one, const NamedTensor& other) {
                                 return one.tensor.is_same(other.tensor);
                               });
  if (same) return;
  throw ConfigurationError(
      "the model has other parameters than when its trainer was made, because a layer was replaced "
      "or tied since; make the trainer after that.");
}

}  // namespace gradus
