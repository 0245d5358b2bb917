/// The gradients of a list of parameters.
#pragma once

#include <gradus/core/memory_form.hpp>
#include <gradus/core/norms.hpp>
#include <gradus/core/parameters.hpp>

#include <ATen/ops/linalg_vector_norm.h>
#include <ATen/ops/stack.h>

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

/// The 2-norm over all of them, [] on their device; undefined if there is none. Waits for nothing.
inline at::Tensor gradient_norm(const std::vector<NamedTensor>& parameters) {
  const auto gradients = gradients_of(parameters);
  if (gradients.empty()) return {};
  return at::linalg_vector_norm(at::stack(norms_of(gradients)), 2, at::OptionalIntArrayRef(),
                                /*keepdim=*/false, at::kDouble);
}

/// Frees them, so that the next backward pass writes instead of adding.
inline void clear_gradients(const std::vector<NamedTensor>& parameters) {
  for (const auto& parameter : parameters) parameter.tensor.mutable_grad().reset();
}

}  // namespace gradus
