/// Weights of two dimensions or more as matrices [out, rest].
#pragma once

#include <ATen/TensorOperators.h>
#include <ATen/ops/linalg_vector_norm.h>
#include <ATen/ops/stack.h>
#include <ATen/ops/where.h>

#include <cmath>
#include <cstddef>
#include <vector>

namespace gradus {

/// `values` [O, I, k, k] as [O, k, k, I] if `parameter` lies in memory so: the order of a matrix's
/// columns does not matter, and none is copied.
inline at::Tensor in_stored_order(const at::Tensor& parameter, const at::Tensor& values) {
  const bool channels_inside = parameter.dim() == 4 && !parameter.is_contiguous() &&
                               parameter.is_contiguous(at::MemoryFormat::ChannelsLast);
  return channels_inside ? values.permute({0, 2, 3, 1}) : values;
}

/// [out, rest] of `values`, which have the form of `parameter`.
inline at::Tensor matrix_of(const at::Tensor& parameter, const at::Tensor& values) {
  return in_stored_order(parameter, values).reshape({parameter.size(0), -1});
}

/// [B, out, rest]: those of `tensors` at the places of `batch`.
inline at::Tensor stacked_matrices(const std::vector<at::Tensor>& parameters,
                                   const std::vector<std::size_t>& batch,
                                   const std::vector<at::Tensor>& tensors) {
  std::vector<at::Tensor> matrices;
  for (const auto place : batch) matrices.push_back(matrix_of(parameters[place], tensors[place]));
  return at::stack(matrices);
}

/// [B, 1, 1], in their type: the factor that gives each of `matrices` [B, out, rest] the norm
/// sqrt(out); 1 for one of zeros. 16 bits would not hold its norm.
inline at::Tensor unit_factors(const at::Tensor& matrices) {
  const auto type = matrices.scalar_type() == at::kDouble ? at::kDouble : at::kFloat;
  const auto norms =
      at::linalg_vector_norm(matrices, 2, at::IntArrayRef{1, 2}, /*keepdim=*/true, type);
  const auto rows = std::sqrt(static_cast<double>(matrices.size(1)));
  return at::where(norms.gt(0), rows / norms, 1).to(matrices.scalar_type());
}

}  // namespace gradus
