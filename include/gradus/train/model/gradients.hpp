/// The gradients of a list of parameters.
#pragma once

#include <gradus/core/memory_form.hpp>
#include <gradus/core/parameters.hpp>

#include <vector>

namespace gradus {

/// Those that are defined; complex ones as real and imaginary parts.
inline std::vector<at::Tensor> gradients_of(const std::vector<NamedTensor>& parameters) {
  std::vector<at::Tensor> list;
  for (const auto& parameter : parameters) {
    if (parameter.tensor.grad().defined()) list.push_back(real_parts(parameter.tensor.grad()));
  }
  return list;
}

/// Frees them, so that the next backward pass writes instead of adding.
inline void clear_gradients(const std::vector<NamedTensor>& parameters) {
  for (const auto& parameter : parameters) parameter.tensor.mutable_grad().reset();
}

}  // namespace gradus
