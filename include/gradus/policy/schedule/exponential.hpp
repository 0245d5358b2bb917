/// The rate falls by the same factor in every step.
#pragma once

#include <gradus/compose/field.hpp>
#include <gradus/policy/schedule/concept.hpp>

#include <cmath>

namespace gradus {

/// When to use: runs without a planned end. A `gamma` above 1 makes the rate rise, as in a range
/// test (Smith 2017).
///
///     rate = lr * gamma^step
///
/// Equals torch.optim.lr_scheduler.ExponentialLR, to 1e-12 relative.
struct Exponential {
  using slot = slot::schedule;
  static constexpr std::string_view name = "Exponential";

  double gamma = 0.999;

  static constexpr auto fields() {
    return fields_of(
        field("gamma", &Exponential::gamma, Range{0, 2, true, false}, "factor of each step"));
  }

  [[nodiscard]] Rates at(std::int64_t step, std::int64_t, double learning_rate) const {
    return {learning_rate * std::pow(gamma, static_cast<double>(step)), std::nullopt};
  }
};
static_assert(PureSchedulePolicy<Exponential>);

}  // namespace gradus
