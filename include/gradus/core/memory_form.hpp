/// How the elements of a tensor lie in memory.
#pragma once

#include <ATen/core/Tensor.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/view_as_real.h>

#include <algorithm>
#include <cstdint>
#include <utility>
#include <vector>

namespace gradus {

/// Whether two elements of a strided tensor may be one value in memory, as after `expand`.
[[nodiscard]] inline bool overlaps_itself(const at::Tensor& tensor) {
  if (tensor.numel() < 2 || tensor.is_non_overlapping_and_dense()) return false;
  std::vector<std::pair<std::int64_t, std::int64_t>> sides;  // stride, size
  for (std::int64_t side = 0; side < tensor.dim(); ++side) {
    if (tensor.size(side) > 1) sides.emplace_back(tensor.stride(side), tensor.size(side));
  }
  std::sort(sides.begin(), sides.end());
  std::int64_t reach = 0;  // from the first element of a slice to its last
  for (const auto& [stride, size] : sides) {
    if (stride <= reach) return true;
    reach += stride * (size - 1);
  }
  return false;
}

/// Copies the values of `from`, of the same shape, into `to`; one that overlaps itself gets memory
/// of its own.
inline void copy_values(at::Tensor& to, const at::Tensor& from) {
  const at::NoGradGuard no_grad;
  if (to.layout() == at::kStrided && overlaps_itself(to)) {
    to.set_data(from.to(to.options()).clone());
  } else {
    to.copy_(from);
  }
}

/// A complex tensor as its real and imaginary parts, [..., 2]; others as they are.
[[nodiscard]] inline at::Tensor real_parts(const at::Tensor& tensor) {
  return tensor.is_complex() ? at::view_as_real(tensor.resolve_conj()) : tensor;
}

/// The values themselves, in order: no bit says any more that they are conjugate or negative.
[[nodiscard]] inline at::Tensor plain_values(const at::Tensor& tensor) {
  return tensor.resolve_conj().resolve_neg().contiguous();
}

}  // namespace gradus
