/// Gradients as they are: the neutral clipping policy. Start one of your own from this.
#pragma once

#include <gradus/compose/field.hpp>
#include <gradus/policy/clipping/concept.hpp>

namespace gradus {

/// Gradients are not bounded: the neutral policy of its axis, which costs nothing.
struct NoClipping {
  using slot = slot::clipping;
  static constexpr std::string_view name = "NoClipping";
  static constexpr bool clips = false;
  static constexpr auto fields() { return no_fields; }

  void clip(const std::vector<at::Tensor>&) const {}
};
static_assert(ClippingPolicy<NoClipping>);

}  // namespace gradus
