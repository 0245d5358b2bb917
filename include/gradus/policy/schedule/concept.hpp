/// The schedule axis: the learning rate, and perhaps the momentum, of each optimizer step.
#pragma once

#include <gradus/core/contract.hpp>
#include <gradus/core/rates.hpp>

#include <array>
#include <cstdint>

namespace gradus {

/// `at(step, total_steps, learning_rate)` gives the rates of optimizer step `step`, counted from 0,
/// of `total_steps`; `learning_rate` is the optimizer's own. A pure function, so that a run can be
/// resumed anywhere. A step that was skipped because a gradient was not finite is not counted.
/// A schedule that sets momentum says so by `cycles_momentum()`.
template <class P>
struct Contract<slot::schedule, P> {
  using At = Rates (P::*)(std::int64_t, std::int64_t, double) const;
  using Cycles = bool (P::*)() const;

  static constexpr std::array members{
      Member{"at",
             "gradus::Rates at(std::int64_t step, std::int64_t total_steps, double learning_rate) "
             "const",
             (requires { &P::at; }), (requires { static_cast<At>(&P::at); })},
      Member{"cycles_momentum", "constexpr bool cycles_momentum() const", (requires {
               &P::cycles_momentum;
             }), (requires { static_cast<Cycles>(&P::cycles_momentum); }), false},
  };
};

template <class P>
concept SchedulePolicy = Fulfils<P, slot::schedule>;

}  // namespace gradus
