/// Every entry of every gradient, bounded.
#pragma once

#include <gradus/compose/field.hpp>
#include <gradus/policy/clipping/concept.hpp>

#include <ATen/ops/_foreach_clamp_max.h>
#include <ATen/ops/_foreach_clamp_min.h>

#include <vector>

namespace gradus {

/// When to use: to follow a published recipe; `ClipNorm` keeps the gradient's direction.
///
/// Equals torch.nn.utils.clip_grad_value_(foreach=True). Source: Graves 2013, section 2.1.
struct ClipValue {
  using slot = slot::clipping;
  static constexpr std::string_view name = "ClipValue";
  static constexpr bool clips = true;

  double clip_value = 1;

  static constexpr auto fields() {
    return fields_of(
        field("clip_value", &ClipValue::clip_value, positive(), "largest size of an entry"));
  }

  void clip(const std::vector<at::Tensor>& gradients) const {
    if (gradients.empty()) return;
    at::_foreach_clamp_min_(gradients, -clip_value);
    at::_foreach_clamp_max_(gradients, clip_value);
  }
};
static_assert(ClippingPolicy<ClipValue>);

}  // namespace gradus
