/// The norm of all gradients together, bounded.
#pragma once

#include <gradus/core/field.hpp>
#include <gradus/policy/clipping/concept.hpp>

#include <ATen/TensorOperators.h>
#include <ATen/ops/_foreach_mul.h>
#include <ATen/ops/_foreach_norm.h>
#include <ATen/ops/linalg_vector_norm.h>
#include <ATen/ops/stack.h>

#include <vector>

namespace gradus {

/// When to use: recurrent networks and transformers, whose gradients now and then are huge.
///
///     g *= min(1, max_norm / (|g| + 1e-6))        |g|: 2-norm over all parameters
///
/// Equals torch.nn.utils.clip_grad_norm_(foreach=True). Source: Pascanu et al. 2013, algorithm 1.
struct ClipNorm {
  using slot = slot::clipping;
  static constexpr std::string_view name = "ClipNorm";
  static constexpr bool clips = true;

  double max_norm = 1;

  static constexpr auto fields() {
    return fields_of(
        field("max_norm", &ClipNorm::max_norm, positive(), "largest 2-norm of all gradients"));
  }

  void clip(const std::vector<at::Tensor>& gradients) const {
    if (gradients.empty()) return;
    const auto norm = at::linalg_vector_norm(at::stack(at::_foreach_norm(gradients)));
    const auto factor = ((norm + 1e-6).reciprocal() * max_norm).clamp_max(1.0);
    at::_foreach_mul_(gradients, factor);
  }
};
static_assert(ClippingPolicy<ClipNorm>);

}  // namespace gradus
