/// The rate falls by a factor every so many steps.
#pragma once

#include <gradus/compose/field.hpp>
#include <gradus/policy/schedule/concept.hpp>

#include <cmath>

namespace gradus {

/// When to use: to follow a published recipe; `Cosine` needs no place for its steps.
///
///     rate = lr * gamma^floor(step / step_size)
///
/// Equals torch.optim.lr_scheduler.StepLR, to 1e-12 relative.
struct StepDecay {
  using slot = slot::schedule;
  static constexpr std::string_view name = "StepDecay";

  std::int64_t step_size = 1000;
  double gamma = 0.1;

  static constexpr auto fields() {
    return fields_of(
        field("step_size", &StepDecay::step_size, at_least(1), "optimizer steps between two falls"),
        field("gamma", &StepDecay::gamma, positive(), "factor of a fall"));
  }

  [[nodiscard]] Rates at(std::int64_t step, std::int64_t, double learning_rate) const {
    const auto falls = static_cast<double>(step / step_size);
    return {learning_rate * std::pow(gamma, falls), std::nullopt};
  }
};
static_assert(PureSchedulePolicy<StepDecay>);

}  // namespace gradus
