/// The norm of all gradients together, bounded.
#pragma once

#include <gradus/compose/field.hpp>
#include <gradus/core/norms.hpp>
#include <gradus/policy/clipping/concept.hpp>

#include <ATen/TensorOperators.h>
#include <ATen/ops/_foreach_mul.h>
#include <ATen/ops/linalg_vector_norm.h>
#include <ATen/ops/stack.h>

#include <algorithm>
#include <vector>

namespace gradus {

/// When to use: recurrent networks and transformers, whose gradients now and then are huge.
///
///     g *= min(1, max_norm / (|g| + 1e-6))        |g|: 2-norm over all parameters
///
/// Equals torch.nn.utils.clip_grad_norm_(foreach=True), but that norms of 16-bit gradients are
/// taken in float32: in float16 one above 65,504 would be infinite, and every gradient become 0.
/// Source: Pascanu et al. 2013, algorithm 1.
struct ClipNorm {
  using slot = slot::clipping;
  static constexpr std::string_view name = "ClipNorm";
  static constexpr bool clips = true;

  double max_norm = 1;

  static constexpr auto fields() {
    return fields_of(
        field("max_norm", &ClipNorm::max_norm, positive(), "largest 2-norm of all gradients"));
  }

  /// Returns |g|; undefined for no gradients.
  at::Tensor clip(const std::vector<at::Tensor>& gradients) const {
    if (gradients.empty()) return {};
    const auto norm = at::linalg_vector_norm(at::stack(norms_of(gradients)));
    const auto factor = ((norm + 1e-6).reciprocal() * max_norm).clamp_max(1.0);
    const auto type = gradients.front().scalar_type();
    const bool one_type =
        std::all_of(gradients.begin(), gradients.end(),
                    [&](const at::Tensor& gradient) { return gradient.scalar_type() == type; });
    at::_foreach_mul_(gradients, one_type ? factor.to(type) : factor);
    return norm;
  }
};
static_assert(ClippingPolicy<ClipNorm>);

}  // namespace gradus
