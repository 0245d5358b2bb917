/// The loss axis: what training makes small.
#pragma once

#include <gradus/core/slot.hpp>

#include <ATen/core/Tensor.h>

#include <concepts>

namespace gradus {

/// `loss(output, target)` is the mean over the samples of a micro-batch, float32 [], differentiable
/// in `output` [N, ...]. `evaluate(output, target)` is what evaluation reports, without
/// regularisation. A classification loss also says how many outputs are right: `correct(output,
/// target)`, int64 [].
template <class P>
concept LossPolicy = PolicyOf<P, slot::loss> &&
    requires(const P& policy, const at::Tensor& output, const at::Tensor& target) {
  { policy.loss(output, target) } -> std::same_as<at::Tensor>;
  { policy.evaluate(output, target) } -> std::same_as<at::Tensor>;
};

}  // namespace gradus
