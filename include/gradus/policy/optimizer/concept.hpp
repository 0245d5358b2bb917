/// The optimizer axis: how weights move along their gradients.
#pragma once

#include <gradus/core/parameters.hpp>
#include <gradus/core/rates.hpp>
#include <gradus/core/slot.hpp>

#include <concepts>
#include <vector>

namespace gradus {

/// An optimizer policy
/// - has a learning rate `lr` of its own, which a schedule starts from or ignores;
/// - makes by `start(parameters)` its run state for the unique parameters, once per run;
/// - moves by `step(state, rates)` each parameter that has a gradient, in place, without waiting
/// for the
///   device. Gradients are finite and already unscaled, clipped and averaged.
template <class P>
concept OptimizerPolicy = PolicyOf<P, slot::optimizer> &&
    requires(const P& policy, typename P::State& state, const std::vector<NamedTensor>& parameters,
             const Rates& rates) {
  { policy.lr } -> std::convertible_to<double>;
  { policy.start(parameters) } -> std::same_as<typename P::State>;
  policy.step(state, rates);
};

}  // namespace gradus
