/// The rate falls along half a cosine over the whole run.
#pragma once

#include <gradus/compose/field.hpp>
#include <gradus/policy/schedule/concept.hpp>

#include <cmath>
#include <numbers>

namespace gradus {

/// When to use: the default choice where the length of the run is known; behind `Warmup` for large
/// batches.
///
///     rate = min_lr + (lr - min_lr) * (1 + cos(pi * step / total_steps)) / 2
///
/// Equals torch.optim.lr_scheduler.CosineAnnealingLR with T_max = total_steps, to 1e-12 relative.
/// Source: Loshchilov and Hutter 2017, "SGDR", equation 5.
struct Cosine {
  using slot = slot::schedule;
  static constexpr std::string_view name = "Cosine";

  double min_lr = 0;

  static constexpr auto fields() {
    return fields_of(field("min_lr", &Cosine::min_lr, at_least(0), "rate at the end"));
  }

  [[nodiscard]] Rates at(std::int64_t step, std::int64_t total_steps, double learning_rate) const {
    const double part = static_cast<double>(step) / static_cast<double>(total_steps);
    return {min_lr + (learning_rate - min_lr) * (1 + std::cos(std::numbers::pi * part)) / 2,
            std::nullopt};
  }
};
static_assert(PureSchedulePolicy<Cosine>);

}  // namespace gradus
