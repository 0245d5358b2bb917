/// Each operator is handed to the device as it is called: the neutral execution policy. Start one
/// of your own from `CapturedStep`.
#pragma once

#include <gradus/compose/field.hpp>
#include <gradus/policy/execution/concept.hpp>

namespace gradus {

/// Each operator is launched as it is called: the neutral policy of its axis.
struct Eager {
  using slot = slot::execution;
  static constexpr std::string_view name = "Eager";
  static constexpr bool captures = false;
  static constexpr auto fields() { return no_fields; }
};
static_assert(ExecutionPolicy<Eager>);

}  // namespace gradus
