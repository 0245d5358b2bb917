/// The schedule axis: the learning rate, and perhaps the momentum, of each optimizer step.
#pragma once

#include <gradus/core/rates.hpp>
#include <gradus/core/slot.hpp>

#include <concepts>
#include <cstdint>

namespace gradus {

/// `at(step, total_steps, learning_rate)` gives the rates of optimizer step `step`, counted from 0,
/// of `total_steps`; `learning_rate` is the optimizer's own. A pure function, so that a run can be
/// resumed anywhere. A step that was skipped because a gradient was not finite is not counted.
template <class P>
concept SchedulePolicy = PolicyOf<P, slot::schedule> &&
    requires(const P& policy, std::int64_t step, double rate) {
  { policy.at(step, step, rate) } -> std::same_as<Rates>;
};

}  // namespace gradus
