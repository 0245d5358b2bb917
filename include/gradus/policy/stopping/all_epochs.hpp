/// All planned epochs: the neutral stopping policy. Start one of your own from this.
#pragma once

#include <gradus/compose/field.hpp>
#include <gradus/policy/stopping/concept.hpp>

namespace gradus {

/// A run has all of its planned epochs: the neutral policy of its axis.
struct AllEpochs {
  using slot = slot::stopping;
  static constexpr std::string_view name = "AllEpochs";
  static constexpr auto fields() { return no_fields; }

  [[nodiscard]] constexpr bool stop(const EpochRecord&) const { return false; }
};
static_assert(StoppingPolicy<AllEpochs>);

}  // namespace gradus
