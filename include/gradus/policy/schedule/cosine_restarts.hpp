/// Half cosines one after the other, each from the full rate.
#pragma once

#include <gradus/compose/field.hpp>
#include <gradus/policy/schedule/concept.hpp>

#include <cmath>
#include <numbers>

namespace gradus {

/// When to use: to take a good model at several times of a long run, at the end of each period.
///
/// Equals torch.optim.lr_scheduler.CosineAnnealingWarmRestarts, to 1e-12 relative.
/// Source: Loshchilov and Hutter 2017, "SGDR", section 3.
struct CosineRestarts {
  using slot = slot::schedule;
  static constexpr std::string_view name = "CosineRestarts";

  std::int64_t first_period = 100;
  std::int64_t period_factor = 2;
  double min_lr = 0;

  static constexpr auto fields() {
    return fields_of(
        field("first_period", &CosineRestarts::first_period, at_least(1), "optimizer steps"),
        field("period_factor", &CosineRestarts::period_factor, between(1, 1000),
              "each period over the one before"),
        field("min_lr", &CosineRestarts::min_lr, at_least(0), "rate at the end of a period"));
  }

  [[nodiscard]] Rates at(std::int64_t step, std::int64_t, double learning_rate) const {
    std::int64_t period = first_period;
    std::int64_t within = step;
    if (period_factor == 1) within %= period;
    while (within >= period) {
      within -= period;
      period *= period_factor;
    }
    const double part = static_cast<double>(within) / static_cast<double>(period);
    return {min_lr + (learning_rate - min_lr) * (1 + std::cos(std::numbers::pi * part)) / 2,
            std::nullopt};
  }
};
static_assert(PureSchedulePolicy<CosineRestarts>);

}  // namespace gradus
