/// Every module has weights of its own: the neutral sharing policy. Start one of your own from
/// this.
#pragma once

#include <gradus/compose/field.hpp>
#include <gradus/policy/sharing/concept.hpp>

namespace gradus {

/// No parameters are shared beyond those that the model itself shares: the neutral policy of its
/// axis.
struct NoSharing {
  using slot = slot::sharing;
  static constexpr std::string_view name = "NoSharing";
  static constexpr auto fields() { return no_fields; }

  template <class Model>
  constexpr void tie(Model&) const {}
};

}  // namespace gradus
