/// The weights that the model was made with, or loaded: the neutral initialization policy. Start
/// one of your own from this.
#pragma once

#include <gradus/compose/field.hpp>
#include <gradus/policy/initialization/concept.hpp>

namespace gradus {

/// The model keeps the weights that it was made with or that were loaded: the neutral policy of its
/// axis.
struct AsMade {
  using slot = slot::initialization;
  static constexpr std::string_view name = "AsMade";
  static constexpr auto fields() { return no_fields; }

  template <class Model>
  constexpr void initialize(Model&) const {}
};

}  // namespace gradus
