/// The distribution axis: which processes share the work of a run, and how they sum its gradients.
#pragma once

#include <gradus/compose/contract.hpp>
#include <gradus/compose/tensor_fwd.hpp>

#include <array>
#include <vector>

namespace gradus {

class Communicator;
class OptimizerShards;

namespace detail {

template <class P>
consteval bool asks_for_ranks() {
  if constexpr (requires { static_cast<bool>(P::distributes); }) {
    return P::distributes;
  } else {
    return true;
  }
}

}  // namespace detail

/// A distribution policy says by `distributes` whether there can be several processes; one that
/// says no is never asked more. Else it
/// - joins them by `start(parameters)`, once for each trainer, and names them by `ranks(state)`;
///   where that is one alone it is asked no more;
/// - is told when a window begins, when its last backward pass does, in whose course gradients may
///   be summed, each of this rank times `factor`, and when all passes are over: by the end of
///   `finish_window` gradients are the sums, the same on all ranks. A rank may have no pass;
/// - may give by `forward_scope(state, trains)` an object that lives for each forward pass, that of
///   a process that is alone too, and say by `each_rank_computes()` that no rank may be without a
///   pass;
/// - may say by `travels_short(state)` that gradients are summed in 16 bits, which can overflow;
/// - may give by `shards(state)` how the optimizer's state is divided over the ranks, null where
///   each has all of it.
/// What each rank computes is the loop's business: train/shared_step.hpp.
template <class P>
struct Contract<slot::distribution, P> {
  using State = state_of<P>;
  using Start = State (P::*)(const std::vector<NamedTensor>&) const;
  using Ranks = Communicator& (P::*)(const State&) const;
  using OfWindow = void (P::*)(State&) const;
  using LastPass = void (P::*)(State&, double) const;
  static constexpr bool asked = detail::asks_for_ranks<P>();

  static constexpr std::array members{
      Member{"distributes", "static constexpr bool distributes = true;", (requires {
               P::distributes;
             }), (requires { static_cast<const bool*>(&P::distributes); })},
      Member{"State", "struct State { ... };", (requires { typename P::State; }),
             (requires { typename P::State; }), asked},
      Member{"start", "State start(const std::vector<gradus::NamedTensor>& parameters) const",
             (requires { &P::start; }), (requires { static_cast<Start>(&P::start); }), asked},
      Member{"ranks", "gradus::Communicator& ranks(const State& state) const",
             (requires { &P::ranks; }), (requires { static_cast<Ranks>(&P::ranks); }), asked},
      Member{"begin_window", "void begin_window(State& state) const", (requires {
               &P::begin_window;
             }), (requires { static_cast<OfWindow>(&P::begin_window); }), asked},
      Member{"begin_last_pass", "void begin_last_pass(State& state, double factor) const",
             (requires { &P::begin_last_pass; }),
             (requires { static_cast<LastPass>(&P::begin_last_pass); }), asked},
      Member{"finish_window", "void finish_window(State& state) const", (requires {
               &P::finish_window;
             }), (requires { static_cast<OfWindow>(&P::finish_window); }), asked},
      Member{"travels_short", "bool travels_short(const State& state) const", (requires {
               &P::travels_short;
             }), (requires { static_cast<bool (P::*)(const State&) const>(&P::travels_short); }),
             false},
      Member{"shards", "gradus::OptimizerShards* shards(const State& state) const",
             (requires { &P::shards; }), (requires {
               static_cast<OptimizerShards* (P::*)(const State&) const>(&P::shards);
             }), false},
      Member{"each_rank_computes", "bool each_rank_computes() const", (requires {
               &P::each_rank_computes;
             }), (requires { static_cast<bool (P::*)() const>(&P::each_rank_computes); }), false},
  };
};

/// A policy of the distribution axis: it has every member that `Contract<slot::distribution, P>`
/// lists.
template <class P>
concept DistributionPolicy = Fulfils<P, slot::distribution>;

}  // namespace gradus
