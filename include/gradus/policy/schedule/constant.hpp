/// The optimizer's own rate in every step: the neutral schedule. Start one of your own from this.
#pragma once

#include <gradus/compose/field.hpp>
#include <gradus/policy/schedule/concept.hpp>

namespace gradus {

/// Every step has the optimizer's own learning rate: the neutral policy of its axis.
struct Constant {
  using slot = slot::schedule;
  static constexpr std::string_view name = "Constant";
  static constexpr auto fields() { return no_fields; }

  [[nodiscard]] constexpr Rates at(std::int64_t, std::int64_t, double learning_rate) const {
    return {learning_rate, std::nullopt};
  }
};
static_assert(SchedulePolicy<Constant>);

}  // namespace gradus
