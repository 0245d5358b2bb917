/// Whether optimizer, averaging and distribution agree on whose averages a run is evaluated with.
/// No torch header is needed here.
#pragma once

#include <gradus/compose/policy_set.hpp>
#include <gradus/compose/refusal.hpp>

#include <type_traits>

namespace gradus {

/// Whether optimizer `P` has averages of the weights of its own, to be evaluated in their place.
template <class P>
inline constexpr bool has_own_averages = requires { &P::averages; };

/// Whether averaging policy `P` evaluates the averages that the optimizer has.
template <class P>
inline constexpr bool uses_optimizer_averages = requires { requires P::from_optimizer; };

namespace detail {

/// Whether distribution `Argument` is known to divide the optimizer's state.
template <class Argument>
consteval bool divides_optimizer() {
  if constexpr (std::is_void_v<Argument>) {
    return false;
  } else if constexpr (requires {
                         typename std::bool_constant<
                             PolicyTraits<Argument>::values().shard_optimizer>;
                       }) {
    return PolicyTraits<Argument>::values().shard_optimizer;
  } else {
    return false;
  }
}

/// Each is an argument of a Trainer, or void where there is none.
template <class OptimizerArgument, class AveragingArgument, class DistributionArgument>
consteval Sentence averaging_mistake() {
  using Optimizer = policy_t<OptimizerArgument>;
  using Averaging = policy_t<AveragingArgument>;
  constexpr auto optimizer = type_name<Optimizer>();
  if constexpr (has_own_averages<Optimizer> && !uses_optimizer_averages<Averaging>) {
    if constexpr (requires { requires Averaging::averages_weights; }) {
      return Sentence("policy ", type_name<Averaging>(),
                      " of axis averaging averages the weights that ", optimizer,
                      " of axis optimizer trains, but those are no weights to evaluate; replace it "
                      "by OptimizerAverage.");
    } else {
      return Sentence("policy ", optimizer,
                      " of axis optimizer is evaluated with other weights than it trains; add "
                      "OptimizerAverage.");
    }
  } else if constexpr (!has_own_averages<Optimizer> && uses_optimizer_averages<Averaging>) {
    return Sentence("policy ", type_name<Averaging>(),
                    " of axis averaging evaluates the averages of the optimizer, but ", optimizer,
                    " of axis optimizer has none; leave it out or choose ScheduleFreeAdamW.");
  } else if constexpr (has_own_averages<Optimizer> && divides_optimizer<DistributionArgument>()) {
    return Sentence("policy ", type_name<policy_t<DistributionArgument>>(),
                    " of axis distribution divides the state of ", optimizer,
                    " of axis optimizer, but each process needs all of it for the weights that it "
                    "evaluates; set shard_optimizer to false.");
  } else {
    return {};
  }
}

}  // namespace detail
}  // namespace gradus
