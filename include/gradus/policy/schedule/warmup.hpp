/// A linear rise in front of any schedule.
#pragma once

#include <gradus/compose/field.hpp>
#include <gradus/policy/schedule/concept.hpp>

#include <algorithm>
#include <string>

namespace gradus {

/// When to use: large batches, or an optimizer whose moments are still unknown in the first steps:
/// `Preset<Warmup<Cosine>{.steps = 100, .then = {.min_lr = 1e-5}}>`. The numbers of the schedule
/// behind are called `then.min_lr` and so on; it sees a run that is shorter by `steps`.
///
/// Equals torch.optim.lr_scheduler.SequentialLR of LinearLR and the other, to 1e-12 relative.
/// Source: Goyal et al. 2017, section 2.2.
template <SchedulePolicy Then>
struct Warmup {
  using slot = slot::schedule;
  static constexpr FixedName full_name{"Warmup<", Then::name, ">"};
  static constexpr std::string_view name = full_name;

  std::int64_t steps = 100;
  double start_factor = 1.0 / 3;
  Then then{};

  static constexpr auto fields() {
    return fields_of(field("steps", &Warmup::steps, at_least(0), "optimizer steps that rise"),
                     field("start_factor", &Warmup::start_factor, Range{0, 1, true, false},
                           "first rate over the rate that the rise leads to"),
                     fields_of_part("then", &Warmup::then));
  }

  [[nodiscard]] constexpr std::string_view mistake() const { return part_mistake(then); }
  [[nodiscard]] constexpr bool cycles_momentum() const { return sets_momentum(then); }
  /// A run must be longer than its rise.
  [[nodiscard]] std::string run_mistake(std::int64_t total_steps) const {
    if (steps < total_steps) return gradus::run_mistake(then, total_steps - steps);
    return "the rate would rise for " + std::to_string(steps) +
           " optimizer steps, but the run has only " + std::to_string(total_steps) +
           "; lower its steps, or train for longer";
  }

  [[nodiscard]] Rates at(std::int64_t step, std::int64_t total_steps, double learning_rate) const {
    const auto rest = std::max<std::int64_t>(total_steps - steps, 1);
    if (step >= steps) return then.at(step - steps, rest, learning_rate);
    auto rates = then.at(0, rest, learning_rate);
    const double part = static_cast<double>(step) / static_cast<double>(steps);
    rates.learning_rate *= start_factor + (1 - start_factor) * part;
    return rates;
  }
};

}  // namespace gradus
