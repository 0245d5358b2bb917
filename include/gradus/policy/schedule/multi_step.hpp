/// The rate falls by a factor at chosen parts of the run.
#pragma once

#include <gradus/compose/field.hpp>
#include <gradus/policy/schedule/concept.hpp>

#include <cmath>

namespace gradus {

/// When to use: to follow a published recipe, such as He et al. 2016a, section 4.2: falls by 10 at
/// a half and three quarters of the run. A milestone of 1 is never reached.
///
/// Equals torch.optim.lr_scheduler.MultiStepLR with milestones `ceil(part * total_steps)`, to 1e-12
/// relative.
struct MultiStep {
  using slot = slot::schedule;
  static constexpr std::string_view name = "MultiStep";

  double first = 0.5;
  double second = 0.75;
  double third = 1;
  double gamma = 0.1;

  static constexpr auto fields() {
    return fields_of(
        field("first", &MultiStep::first, between(0, 1), "part of the run before the first fall"),
        field("second", &MultiStep::second, between(0, 1), "likewise"),
        field("third", &MultiStep::third, between(0, 1), "likewise"),
        field("gamma", &MultiStep::gamma, positive(), "factor of a fall"));
  }

  [[nodiscard]] constexpr std::string_view mistake() const {
    return first <= second && second <= third
               ? ""
               : "the falls are out of order; let second be at least first, and third second";
  }

  [[nodiscard]] Rates at(std::int64_t step, std::int64_t total_steps, double learning_rate) const {
    double rate = learning_rate;
    for (const double milestone : {first, second, third}) {
      if (static_cast<double>(step) >= milestone * static_cast<double>(total_steps)) rate *= gamma;
    }
    return {rate, std::nullopt};
  }
};
static_assert(PureSchedulePolicy<MultiStep>);

}  // namespace gradus
