/// Parameters with tensors of the same form beside them, as most optimizers keep them.
#pragma once

#include <gradus/core/parameters.hpp>
#include <gradus/core/state_dict.hpp>
#include <gradus/policy/optimizer/decay.hpp>

#include <ATen/ops/zeros_like.h>

#include <array>
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace gradus {

/// The parameters of one group that have a gradient, in step with their gradients and moments.
template <std::size_t N>
struct MovedParameters {
  std::vector<at::Tensor> parameters;
  std::vector<at::Tensor> gradients;
  std::array<std::vector<at::Tensor>, N> moments;
};

/// `N` moments of each parameter, zero at first, in its type and memory format.
template <std::size_t N>
struct Moments {
  std::vector<at::Tensor> parameters;
  std::array<std::vector<at::Tensor>, N> moments;

  explicit Moments(const std::vector<NamedTensor>& named) {
    for (const auto& parameter : named) {
      parameters.push_back(parameter.tensor);
      for (auto& moment : moments) moment.push_back(at::zeros_like(parameter.tensor.detach()));
    }
  }

  /// Those of `group` that have a gradient.
  [[nodiscard]] MovedParameters<N> moved(ParameterGroup group) const {
    MovedParameters<N> list;
    for (std::size_t i = 0; i < parameters.size(); ++i) {
      const auto& parameter = parameters[i];
      if (!parameter.grad().defined() || group_of(parameter) != group) continue;
      list.parameters.push_back(parameter.detach());
      list.gradients.push_back(parameter.grad());
      for (std::size_t k = 0; k < N; ++k) list.moments[k].push_back(moments[k][i]);
    }
    return list;
  }

  void save(StateDict& to, const std::array<std::string_view, N>& names) const {
    for (std::size_t k = 0; k < N; ++k) {
      for (std::size_t i = 0; i < parameters.size(); ++i) {
        to.put(entry(names[k], i), moments[k][i]);
      }
    }
  }
  void load(const StateDict& from, const std::array<std::string_view, N>& names) {
    for (std::size_t k = 0; k < N; ++k) {
      for (std::size_t i = 0; i < parameters.size(); ++i) {
        from.get(entry(names[k], i), moments[k][i]);
      }
    }
  }

 private:
  static std::string entry(std::string_view name, std::size_t parameter) {
    return std::string(name) + "." + std::to_string(parameter);
  }
};

}  // namespace gradus
