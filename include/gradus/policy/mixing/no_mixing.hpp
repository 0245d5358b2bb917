/// Every sample by itself: the neutral mixing policy. Start one of your own from this.
#pragma once

#include <gradus/compose/field.hpp>
#include <gradus/policy/mixing/concept.hpp>

namespace gradus {

/// Samples are not blended: the neutral policy of its axis.
struct NoMixing {
  using slot = slot::mixing;
  static constexpr std::string_view name = "NoMixing";
  static constexpr bool mixes = false;
  static constexpr auto fields() { return no_fields; }

  void mix(Batch&, std::uint64_t) const {}
};
static_assert(MixingPolicy<NoMixing>);

}  // namespace gradus
