/// The watch over a run: the default guard policy.
#pragma once

#include <gradus/compose/field.hpp>
#include <gradus/policy/guard/concept.hpp>

#include <cstdint>

namespace gradus {

/// By default it costs nothing in the step: losses are looked at when they are read for the log,
/// and the error names the first step and micro-batch whose loss was not finite. With `each_step`
/// loss and gradients are looked at before every step, the error names the layer, and a bad step
/// can be skipped, with its part of the batch norms' statistics taken back; that waits for the
/// device once a step.
///
/// A loss has diverged when it is above the best one by more than (divergence - 1) times the size
/// of that, or of what readings spread over until then, if that is more: a loss may be below zero.
///
/// A reading is a spike when it is above the median of the last `spike_readings` by more than
/// `spike` deviations: 1.4826 times their median absolute deviation, a standard deviation where
/// they are normally distributed. An early sign of trouble that a run may survive; 7 is a usual
/// number. Source: the rule is Hampel's (1974), the 7 from the spike score of Walsh et al. 2024, "2
/// OLMo 2 Furious", with means in the place of medians.
struct Guard {
  using slot = slot::guard;
  static constexpr std::string_view name = "Guard";

  OnNotFinite on_not_finite = OnNotFinite::stop;
  OnMissingGradient on_missing_gradient = OnMissingGradient::stop;
  bool each_step = false;
  std::int64_t max_skipped = 100;
  double divergence = 0;
  OnDivergence on_divergence = OnDivergence::stop;
  double spike = 0;
  std::int64_t spike_readings = 20;
  OnSpike on_spike = OnSpike::warn;

  static constexpr auto fields() {
    return fields_of(
        field("on_not_finite", &Guard::on_not_finite, "a loss or gradient that is not finite"),
        field("on_missing_gradient", &Guard::on_missing_gradient,
              "a trained parameter without a gradient in the first step"),
        field("each_step", &Guard::each_step, "look before every step, not only at readings"),
        field("max_skipped", &Guard::max_skipped, at_least(1),
              "skipped steps in a row that end the run"),
        field("divergence", &Guard::divergence, at_least(0),
              "growth of the loss over the best one read so far that is too much; 0: none is"),
        field("on_divergence", &Guard::on_divergence, "a loss that is too much"),
        field(
            "spike", &Guard::spike, at_least(0),
            "deviations of a reading above the median of the last ones that are a spike, as 7; 0: "
            "none is"),
        field("spike_readings", &Guard::spike_readings, between(5, 10000),
              "last readings that the median is over"),
        field("on_spike", &Guard::on_spike, "a spike"));
  }

  [[nodiscard]] constexpr std::string_view mistake() const {
    if (on_not_finite == OnNotFinite::skip && !each_step) {
      return "skipping a step whose loss is not finite needs each_step = true";
    }
    if (spike > 0 && spike < 1) {
      return "spike is a number of deviations of at least 1, or 0 for none";
    }
    return divergence > 0 && divergence <= 1 ? "divergence is a factor above 1, or 0 for none" : "";
  }

  [[nodiscard]] GuardPlan plan() const {
    return {on_not_finite, on_missing_gradient, each_step, max_skipped, divergence, on_divergence,
            spike,         spike_readings,      on_spike};
  }
};
static_assert(GuardPolicy<Guard>);

}  // namespace gradus
