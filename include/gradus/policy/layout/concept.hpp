/// The layout axis: how tensors of four dimensions lie in memory.
#pragma once

#include <gradus/core/slot.hpp>

#include <ATen/core/Tensor.h>

#include <concepts>

namespace gradus {

/// `arrange(tensor)` returns the tensor in the policy's layout, the same values in the same shape.
/// Applied once to each parameter, and to the input of each micro-batch.
template <class P>
concept LayoutPolicy = PolicyOf<P, slot::layout> &&
    requires(const P& policy, const at::Tensor& tensor) {
  { policy.arrange(tensor) } -> std::same_as<at::Tensor>;
};

}  // namespace gradus
