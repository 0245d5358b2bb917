/// The weights of the last step: the neutral averaging policy. Start one of your own from `EMA`.
#pragma once

#include <gradus/compose/field.hpp>
#include <gradus/policy/averaging/concept.hpp>

namespace gradus {

/// Evaluation uses the weights of the last step: the neutral policy of its axis.
struct NoAveraging {
  using slot = slot::averaging;
  static constexpr std::string_view name = "NoAveraging";
  static constexpr bool averages_weights = false;
  static constexpr auto fields() { return no_fields; }
};
static_assert(AveragingPolicy<NoAveraging>);

}  // namespace gradus
