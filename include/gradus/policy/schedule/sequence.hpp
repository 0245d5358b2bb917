/// Two schedules one after the other; more by a sequence within a sequence.
#pragma once

#include <gradus/compose/field.hpp>
#include <gradus/policy/schedule/concept.hpp>

#include <algorithm>
#include <cmath>
#include <string>

namespace gradus {

/// When to use: a rate that is held and then falls:
/// `Preset<Sequence<Constant, Polynomial>{.split = 0.8}>`. Each schedule sees a run of its own
/// length. Numbers are called `first.power`, `second.power` and so on.
///
/// Equals torch.optim.lr_scheduler.SequentialLR, to 1e-12 relative.
template <SchedulePolicy First, SchedulePolicy Second>
struct Sequence {
  using slot = slot::schedule;
  static constexpr FixedName full_name{"Sequence<", First::name, ", ", Second::name, ">"};
  static constexpr std::string_view name = full_name;

  double split = 0.5;
  First first{};
  Second second{};

  static constexpr auto fields() {
    return fields_of(
        field("split", &Sequence::split, between(0, 1), "part of the run that is first"),
        fields_of_part("first", &Sequence::first), fields_of_part("second", &Sequence::second));
  }

  [[nodiscard]] constexpr std::string_view mistake() const {
    return part_mistake(first).empty() ? part_mistake(second) : part_mistake(first);
  }
  [[nodiscard]] constexpr bool cycles_momentum() const {
    return sets_momentum(first) || sets_momentum(second);
  }
  [[nodiscard]] std::string run_mistake(std::int64_t total_steps) const {
    const auto until = steps_of_first(total_steps);
    auto mistake = until > 0 ? gradus::run_mistake(first, until) : "";
    if (!mistake.empty() || until == total_steps) return mistake;
    return gradus::run_mistake(second, total_steps - until);
  }

  [[nodiscard]] Rates at(std::int64_t step, std::int64_t total_steps, double learning_rate) const {
    const auto until = steps_of_first(total_steps);
    return step < until ? first.at(step, until, learning_rate)
                        : second.at(step - until, std::max<std::int64_t>(total_steps - until, 1),
                                    learning_rate);
  }

 private:
  [[nodiscard]] std::int64_t steps_of_first(std::int64_t total_steps) const {
    return std::llround(split * static_cast<double>(total_steps));
  }
};

}  // namespace gradus
