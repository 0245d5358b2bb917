/// The run state that the averaging policies have in common.
#pragma once

#include <gradus/core/parameters.hpp>
#include <gradus/core/state_dict.hpp>
#include <gradus/core/step_context.hpp>

#include <ATen/ops/_foreach_lerp.h>
#include <ATen/ops/empty_like.h>

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace gradus {

/// A mean of each parameter; empty until the first weights came.
struct AverageState {
  std::vector<at::Tensor> weights;  ///< the parameters, for the form of their averages
  std::vector<at::Tensor> averages;
  std::int64_t averaged = 0;  ///< weights that came

  /// Of `parameters`, with no weights yet.
  [[nodiscard]] static AverageState of(const std::vector<NamedTensor>& parameters) {
    return {.weights = detached(parameters), .averages = {}};
  }

  /// averages += part * (weights - averages); the first weights are taken whole.
  void add(const StepContext& context, double part) {
    const auto now = detached(context.parameters);
    if (averaged++ > 0) {
      at::_foreach_lerp_(averages, now, part);
      return;
    }
    for (const auto& weight : now) averages.push_back(weight.clone());
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
    for (std::size_t i = 0; averaged > 0 && i < weights.size(); ++i) {
      averages.push_back(at::empty_like(weights[i]));
      from.get("average." + std::to_string(i), averages.back());
    }
  }

 private:
  static std::vector<at::Tensor> detached(const std::vector<NamedTensor>& parameters) {
    std::vector<at::Tensor> list;
    list.reserve(parameters.size());
    for (const auto& parameter : parameters) list.push_back(parameter.tensor.detach());
    return list;
  }
};

}  // namespace gradus
