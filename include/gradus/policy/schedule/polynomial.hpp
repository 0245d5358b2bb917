/// The rate falls to zero as a power of the steps that are left.
#pragma once

#include <gradus/compose/field.hpp>
#include <gradus/policy/schedule/concept.hpp>

#include <cmath>

namespace gradus {

/// When to use: `power` 1, linear to zero, for fine-tuning and as the last part of a `Sequence`.
///
///     rate = lr * (1 - step / total_steps)^power
///
/// Equals torch.optim.lr_scheduler.PolynomialLR with total_iters = total_steps, to 1e-12 relative.
struct Polynomial {
  using slot = slot::schedule;
  static constexpr std::string_view name = "Polynomial";

  double power = 1;

  static constexpr auto fields() {
    return fields_of(field("power", &Polynomial::power, positive(), "1: linear"));
  }

  [[nodiscard]] Rates at(std::int64_t step, std::int64_t total_steps, double learning_rate) const {
    const double left = 1 - static_cast<double>(step) / static_cast<double>(total_steps);
    return {learning_rate * std::pow(left, power), std::nullopt};
  }
};
static_assert(PureSchedulePolicy<Polynomial>);

}  // namespace gradus
