/// The guard axis: what counts as a run gone wrong, and what is done about it.
#pragma once

#include <gradus/compose/contract.hpp>
#include <gradus/policy/guard/guard_plan.hpp>

#include <array>

namespace gradus {

/// `plan()` says it in numbers; the loop does it.
template <class P>
struct Contract<slot::guard, P> {
  using Plan = GuardPlan (P::*)() const;

  static constexpr std::array members{
      Member{"plan", "gradus::GuardPlan plan() const", (requires { &P::plan; }),
             (requires { static_cast<Plan>(&P::plan); })},
  };
};

/// A policy of the guard axis: it has every member that `Contract<slot::guard, P>` lists.
template <class P>
concept GuardPolicy = Fulfils<P, slot::guard>;

}  // namespace gradus
