/// What a forward pass is surrounded by: the kernels, the precision and, where there are several
/// processes, the distribution of the policies.
#pragma once

#include <gradus/compose/slot.hpp>

namespace gradus {

/// While it lives, models compute so.
template <class Kernels, class Precision, class Distribution>
struct ForwardScope {
  Kernels kernels;
  Precision precision;
  Distribution distribution;
};

/// An object that holds, while it lives, what surrounds a forward pass: the kernels' scope,
/// autocast, and the distribution policy's scope.
template <class Policies, class States>
[[nodiscard]] auto forward_scope_of(const Policies& policies, States& states, bool trains) {
  const auto kernels = [&] {
    return policies.template at<slot::kernels>().kernel_scope(states.template at<slot::kernels>());
  };
  const auto precision = [&] {
    return policies.template at<slot::precision>().forward_scope(
        states.template at<slot::precision>());
  };
  const auto distribution = [&] {
    const auto& policy = policies.template at<slot::distribution>();
    auto& state = states.template at<slot::distribution>();
    struct Nothing {};
    if constexpr (requires { policy.forward_scope(state, trains); }) {
      return policy.forward_scope(state, trains);
    } else {
      return Nothing();
    }
  };
  return ForwardScope<decltype(kernels()), decltype(precision()), decltype(distribution())>{
      kernels(), precision(), distribution()};
}

}  // namespace gradus
