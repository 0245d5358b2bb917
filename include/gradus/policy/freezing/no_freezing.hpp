/// Parameters are trained as the model has them: the neutral freezing policy.
#pragma once

#include <gradus/compose/field.hpp>
#include <gradus/policy/freezing/concept.hpp>

namespace gradus {

/// Every parameter that requires a gradient is trained: the neutral policy of its axis.
struct NoFreezing {
  using slot = slot::freezing;
  static constexpr std::string_view name = "NoFreezing";
  static constexpr bool freezes = false;
  static constexpr auto fields() { return no_fields; }

  [[nodiscard]] constexpr bool frozen(std::string_view, std::int64_t) const { return false; }
};
static_assert(FreezingPolicy<NoFreezing>);

}  // namespace gradus
