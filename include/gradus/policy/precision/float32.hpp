/// Everything in float32: the neutral precision policy. Start one of your own from this.
#pragma once

#include <gradus/compose/field.hpp>
#include <gradus/policy/precision/concept.hpp>
#include <gradus/policy/precision/precision_choice.hpp>

#include <c10/core/Device.h>

#include <cstddef>

namespace gradus {

/// The forward pass computes in the type of the weights, float32 as a rule, without a gradient
/// scaler: the neutral policy of its axis.
struct Float32 {
  using slot = slot::precision;
  static constexpr std::string_view name = "Float32";
  static constexpr auto fields() { return no_fields; }

  struct State {};
  struct Scope {};

  [[nodiscard]] PrecisionChoice choose(c10::Device) const {
    return {c10::kFloat, false, "float32 was asked for"};
  }
  [[nodiscard]] State start(c10::Device) const { return {}; }
  [[nodiscard]] Scope forward_scope(const State&) const { return {}; }
  [[nodiscard]] constexpr std::nullptr_t scaler(const State&) const { return nullptr; }
};
static_assert(PrecisionPolicy<Float32>);

}  // namespace gradus
