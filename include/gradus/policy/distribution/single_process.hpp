/// One process does all: the neutral distribution policy. Start one of your own from
/// `DataParallel`.
#pragma once

#include <gradus/compose/field.hpp>
#include <gradus/policy/distribution/concept.hpp>

namespace gradus {

/// One process trains on all samples: the neutral policy of its axis.
struct SingleProcess {
  using slot = slot::distribution;
  static constexpr std::string_view name = "SingleProcess";
  static constexpr bool distributes = false;
  static constexpr auto fields() { return no_fields; }
};
static_assert(DistributionPolicy<SingleProcess>);

}  // namespace gradus
