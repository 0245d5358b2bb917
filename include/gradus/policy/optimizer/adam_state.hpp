/// The run state that Adam, AdamW and the fallback of Muon have in common.
#pragma once

#include <gradus/policy/optimizer/moments.hpp>

#include <ATen/ops/_foreach_add.h>
#include <ATen/ops/zeros.h>

#include <string>
#include <vector>

namespace gradus {

/// First and second moments, and the steps taken, for each parameter.
struct AdamState {
  Moments<2> moments;
  std::vector<at::Tensor> steps;  ///< float32 [], one per parameter

  explicit AdamState(const std::vector<NamedTensor>& parameters) : moments(parameters) {
    for (const auto& parameter : moments.parameters) {
      steps.push_back(at::zeros({}, parameter.options().dtype(at::kFloat).requires_grad(false)));
    }
  }

  /// Counts a step for the parameters that it updates, and returns their counts.
  [[nodiscard]] std::vector<at::Tensor> count(const MovedParameters<2>& moved) const {
    std::vector<at::Tensor> counts;
    for (const auto place : moved.places) counts.push_back(steps[place]);
    at::_foreach_add_(counts, 1);
    return counts;
  }

  void save(StateDict& to) const {
    moments.save(to, {"first_moment", "second_moment"});
    for (std::size_t i = 0; i < steps.size(); ++i) to.put("steps." + std::to_string(i), steps[i]);
  }
  void load(const StateDict& from) {
    moments.load(from, {"first_moment", "second_moment"});
    for (std::size_t i = 0; i < steps.size(); ++i) from.get("steps." + std::to_string(i), steps[i]);
  }
};

}  // namespace gradus
