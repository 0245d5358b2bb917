/// Parameters with tensors of the same form beside them, as most optimizers keep them.
#pragma once

#include <gradus/core/parameters.hpp>
#include <gradus/core/state_dict.hpp>
#include <gradus/policy/optimizer/moved_parameters.hpp>

#include <ATen/ops/zeros_like.h>

#include <array>
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace gradus {

/// `N` moments of each parameter, zero at first, in its type and memory format. One that is frozen
/// takes no memory until its first step, nor does one of `later`, moments that not every run uses.
template <std::size_t N>
struct Moments {
  using Which = std::array<bool, N>;

  std::vector<at::Tensor> parameters;
  std::array<std::vector<at::Tensor>, N> moments;
  Which later;

  explicit Moments(const std::vector<NamedTensor>& named, const Which& used_later = {})
      : later(used_later) {
    for (const auto& parameter : named) {
      parameters.push_back(parameter.tensor);
      for (std::size_t k = 0; k < N; ++k) {
        const bool there = parameter.tensor.requires_grad() && !later[k];
        moments[k].push_back(there ? zeros(parameter.tensor) : at::Tensor());
      }
    }
  }

  /// Those of `group` that a step updates, without the moments that are `unused` in it.
  [[nodiscard]] MovedByType<N> moved(ParameterGroup group, const Which& unused = {}) {
    MovedByType<N> lists;
    for (std::size_t i = 0; i < parameters.size(); ++i) {
      if (!is_moved(parameters[i], group)) continue;
      std::array<at::Tensor*, N> of{};
      for (std::size_t k = 0; k < N; ++k) {
        if (unused[k]) continue;
        of[k] = &moments[k][i];
        if (!of[k]->defined()) *of[k] = zeros(parameters[i]);
      }
      lists.of(parameters[i]).add(i, parameters[i], of);
    }
    return lists;
  }

  void save(StateDict& to, const std::array<std::string_view, N>& names) const {
    for (std::size_t k = 0; k < N; ++k) {
      for (std::size_t i = 0; i < parameters.size(); ++i) {
        if (moments[k][i].defined()) {
          to.put(entry(names[k], i), moments[k][i]);
        } else if (parameters[i].requires_grad() && !later[k]) {  // thawed, and not yet stepped
          to.put(entry(names[k], i), zeros(parameters[i]));
        }
      }
    }
  }
  void load(const StateDict& from, const std::array<std::string_view, N>& names) {
    for (std::size_t k = 0; k < N; ++k) {
      for (std::size_t i = 0; i < parameters.size(); ++i) {
        const bool there = parameters[i].requires_grad() && !later[k];
        moments[k][i] = there || from.has(entry(names[k], i)) ? zeros(parameters[i]) : at::Tensor();
        if (moments[k][i].defined()) from.get(entry(names[k], i), moments[k][i]);
      }
    }
  }

 private:
  static at::Tensor zeros(const at::Tensor& parameter) {
    return at::zeros_like(parameter.detach());
  }
  static std::string entry(std::string_view name, std::size_t parameter) {
    return std::string(name) + "." + std::to_string(parameter);
  }
};

}  // namespace gradus
