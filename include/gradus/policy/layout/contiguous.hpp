/// LibTorch's default layout, [N, C, H, W] in that order: the neutral layout policy.
#pragma once

#include <gradus/compose/field.hpp>
#include <gradus/policy/layout/concept.hpp>

#include <ATen/core/Tensor.h>

namespace gradus {

/// Tensors stay in LibTorch's default layout: the neutral policy of its axis.
struct Contiguous {
  using slot = slot::layout;
  static constexpr std::string_view name = "Contiguous";
  static constexpr auto fields() { return no_fields; }

  [[nodiscard]] at::Tensor arrange(const at::Tensor& tensor) const { return tensor; }
};
static_assert(LayoutPolicy<Contiguous>);

}  // namespace gradus
