/// The stopping axis: whether a run ends before its planned epochs.
#pragma once

#include <gradus/compose/contract.hpp>
#include <gradus/core/history.hpp>

#include <array>
#include <type_traits>

namespace gradus {

namespace detail {

template <class P, bool Stateless = std::is_empty_v<state_of<P>>>
struct StoppingMembers {
  using Stop = bool (P::*)(const EpochRecord&) const;
  static constexpr std::string_view stop = "bool stop(const gradus::EpochRecord& record) const";
};
template <class P>
struct StoppingMembers<P, false> {
  using Stop = bool (P::*)(state_of<P>&, const EpochRecord&) const;
  static constexpr std::string_view stop =
      "bool stop(State& state, const gradus::EpochRecord& record) const";
};

}  // namespace detail

/// `stop(record)` is asked after each epoch and its evaluation, and says whether that was the last
/// one. A policy with run state takes it first. A record may lack a loss or an accuracy; a policy
/// that has a member `MetricName monitor` is refused before step 0 where no epoch will have what it
/// monitors. One that has `bool keeps(const State& state) const` says by it, after `stop`, whether
/// the weights of this epoch are the ones to end with: the run puts the last such ones back.
template <class P>
struct Contract<slot::stopping, P> {
  using Stop = typename detail::StoppingMembers<P>::Stop;

  static constexpr std::array members{
      Member{"stop", detail::StoppingMembers<P>::stop, (requires { &P::stop; }),
             (requires { static_cast<Stop>(&P::stop); })},
      Member{"keeps", "bool keeps(const State& state) const", (requires { &P::keeps; }),
             (requires { static_cast<bool (P::*)(const state_of<P>&) const>(&P::keeps); }), false},
  };
};

/// A policy of the stopping axis: it has every member that `Contract<slot::stopping, P>` lists.
template <class P>
concept StoppingPolicy = Fulfils<P, slot::stopping>;

}  // namespace gradus
