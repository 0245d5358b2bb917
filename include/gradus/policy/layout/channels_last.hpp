/// The channels of a pixel side by side in memory.
#pragma once

#include <gradus/compose/field.hpp>
#include <gradus/policy/layout/concept.hpp>

#include <ATen/core/Tensor.h>

namespace gradus {

/// When to use: convolutional networks, on the CPU and on CUDA tensor cores. The shape stays
/// [N, C, H, W]; tensors of other dimensions are left alone.
struct ChannelsLast {
  using slot = slot::layout;
  static constexpr std::string_view name = "ChannelsLast";
  static constexpr auto fields() { return no_fields; }

  [[nodiscard]] at::Tensor arrange(const at::Tensor& tensor) const {
    return tensor.dim() == 4 ? tensor.contiguous(at::MemoryFormat::ChannelsLast) : tensor;
  }
};
static_assert(LayoutPolicy<ChannelsLast>);

}  // namespace gradus
