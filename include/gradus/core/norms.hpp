/// 2-norms of lists of tensors.
#pragma once

#include <ATen/core/Tensor.h>
#include <ATen/ops/_foreach_norm.h>
#include <c10/core/ScalarType.h>

#include <algorithm>
#include <vector>

namespace gradus {

/// The 2-norm of each tensor, [] on its device, those of a list with 16-bit tensors in float32: in
/// float16 one above 65,504 would be infinite.
[[nodiscard]] inline std::vector<at::Tensor> norms_of(const std::vector<at::Tensor>& tensors) {
  const auto has = [&](auto is) {
    return std::any_of(tensors.begin(), tensors.end(),
                       [&](const at::Tensor& tensor) { return is(tensor.scalar_type()); });
  };
  if (!has(at::isReducedFloatingType)) return at::_foreach_norm(tensors);
  const bool has_double = has([](at::ScalarType type) { return type == at::kDouble; });
  return at::_foreach_norm(tensors, 2, has_double ? at::kDouble : at::kFloat);
}

}  // namespace gradus
