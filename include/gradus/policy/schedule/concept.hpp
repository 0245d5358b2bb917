/// The schedule axis: the learning rate, and perhaps the momentum, of each optimizer step.
#pragma once

#include <gradus/compose/contract.hpp>
#include <gradus/core/history.hpp>
#include <gradus/core/rates.hpp>

#include <array>
#include <cstdint>
#include <string>
#include <type_traits>

namespace gradus {

namespace detail {

template <class P, bool Pure = std::is_empty_v<state_of<P>>>
struct ScheduleMembers {
  using At = Rates (P::*)(std::int64_t, std::int64_t, double) const;
  static constexpr std::string_view at =
      "gradus::Rates at(std::int64_t step, std::int64_t total_steps, double learning_rate) const";
};
template <class P>
struct ScheduleMembers<P, false> {
  using At = Rates (P::*)(const state_of<P>&, std::int64_t, std::int64_t, double) const;
  static constexpr std::string_view at =
      "gradus::Rates at(const State& state, std::int64_t step, std::int64_t total_steps, double "
      "learning_rate) const";
};

}  // namespace detail

/// `at(step, total_steps, learning_rate)` gives the rates of optimizer step `step`, counted from 0,
/// of `total_steps`; `learning_rate` is the optimizer's own. A pure function, so that a run can be
/// resumed anywhere. A step that was skipped because a gradient was not finite is not counted.
/// A schedule that sets momentum says so by `cycles_momentum()`; one that not every run is long
/// enough for says by `run_mistake(total_steps)` what is wrong with a run, or "".
///
/// A schedule that follows the results has run state, takes it first in `at`, and changes it in
/// `after_epoch(state, record)`, which comes after each epoch's evaluation. A record may lack a
/// loss or an accuracy; a schedule that has a member `MetricName monitor` is refused before step 0
/// where no epoch will have what it monitors.
template <class P>
struct Contract<slot::schedule, P> {
  using At = typename detail::ScheduleMembers<P>::At;
  using AfterEpoch = void (P::*)(state_of<P>&, const EpochRecord&) const;
  using Cycles = bool (P::*)() const;
  using RunMistake = std::string (P::*)(std::int64_t) const;

  static constexpr std::array members{
      Member{"at", detail::ScheduleMembers<P>::at, (requires { &P::at; }),
             (requires { static_cast<At>(&P::at); })},
      Member{
          "after_epoch", "void after_epoch(State& state, const gradus::EpochRecord& record) const",
          (requires { &P::after_epoch; }), (requires { static_cast<AfterEpoch>(&P::after_epoch); }),
          !std::is_empty_v<state_of<P>>},
      Member{"cycles_momentum", "constexpr bool cycles_momentum() const", (requires {
               &P::cycles_momentum;
             }), (requires { static_cast<Cycles>(&P::cycles_momentum); }), false},
      Member{"run_mistake", "std::string run_mistake(std::int64_t total_steps) const", (requires {
               &P::run_mistake;
             }), (requires { static_cast<RunMistake>(&P::run_mistake); }), false},
  };
};

/// A policy of the schedule axis: it has every member that `Contract<slot::schedule, P>` lists.
template <class P>
concept SchedulePolicy = Fulfils<P, slot::schedule>;

/// One whose rates depend on the step alone, so that it can be a part of another.
template <class P>
concept PureSchedulePolicy = SchedulePolicy<P> && std::is_empty_v<state_of<P>>;

/// Why a schedule cannot be a part of another, or what is wrong with its numbers.
template <SchedulePolicy P>
constexpr std::string_view part_mistake(const P& schedule) {
  if constexpr (!PureSchedulePolicy<P>) {
    return "a schedule with run state cannot be a part of another; give the trainer that one alone";
  } else if constexpr (requires { schedule.mistake(); }) {
    return schedule.mistake();
  } else {
    return "";
  }
}

/// What is wrong with a run of `total_steps` optimizer steps under this schedule; "" for nothing.
template <SchedulePolicy P>
std::string run_mistake(const P& schedule, std::int64_t total_steps) {
  if constexpr (requires { schedule.run_mistake(total_steps); }) {
    return schedule.run_mistake(total_steps);
  } else {
    return "";
  }
}

/// Whether the schedule sets momentum.
template <SchedulePolicy P>
constexpr bool sets_momentum(const P& schedule) {
  if constexpr (requires { schedule.cycles_momentum(); }) {
    return schedule.cycles_momentum();
  } else {
    return false;
  }
}

}  // namespace gradus
