/// One micro-batch per optimizer step: the neutral accumulation policy. Start one of your own from
/// this.
#pragma once

#include <gradus/compose/field.hpp>
#include <gradus/policy/accumulation/concept.hpp>

namespace gradus {

/// One micro-batch per optimizer step: the neutral policy of its axis.
struct NoAccumulation {
  using slot = slot::accumulation;
  static constexpr std::string_view name = "NoAccumulation";
  static constexpr auto fields() { return no_fields; }

  [[nodiscard]] constexpr std::int64_t micro_batches() const { return 1; }
};
static_assert(AccumulationPolicy<NoAccumulation>);

}  // namespace gradus
