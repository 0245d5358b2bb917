/// The run state that the averaging policies have in common.
#pragma once

#include <gradus/core/parameters.hpp>
#include <gradus/core/state_dict.hpp>
#include <gradus/core/step_context.hpp>

#include <ATen/ops/_foreach_lerp.h>

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace gradus {

/// A mean of each parameter; empty until the first weights came.
struct AverageState {
  std::size_t parameters = 0;
  std::vector<at::Tensor> averages;
  std::int64_t averaged = 0;  ///< weights that came

  /// averages += part * (weights - averages); the first weights are taken whole.
  void add(const StepContext& context, double part) {
    std::vector<at::Tensor> weights;
    weights.reserve(context.parameters.size());
    for (const auto& parameter : context.parameters) weights.push_back(parameter.tensor.detach());
    if (averaged++ > 0) {
      at::_foreach_lerp_(averages, weights, part);
      return;
    }
    for (const auto& weight : weights) averages.push_back(weight.clone());
  }

  void save(StateDict& to) const {
    to.put("averaged", averaged);
    for (std::size_t i = 0; i < averages.size(); ++i) {
      to.put("average." + std::to_string(i), averages[i]);
    }
  }
  void load(const StateDict& from) {
    averaged = from.number("averaged");
    averages.clear();
    for (std::size_t i = 0; averaged > 0 && i < parameters; ++i) {
      averages.push_back(from.copy("average." + std::to_string(i)));
    }
  }
};

}  // namespace gradus
