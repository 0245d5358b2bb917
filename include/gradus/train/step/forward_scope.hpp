/// What a forward pass is surrounded by: the kernels and the precision of the policies.
#pragma once

#include <gradus/compose/slot.hpp>

namespace gradus {

/// While it lives, models compute so.
template <class Kernels, class Precision>
struct ForwardScope {
  Kernels kernels;
  Precision precision;
};

template <class Policies, class States>
[[nodiscard]] auto forward_scope_of(const Policies& policies, States& states) {
  const auto kernels = [&] {
    return policies.template at<slot::kernels>().kernel_scope(states.template at<slot::kernels>());
  };
  const auto precision = [&] {
    return policies.template at<slot::precision>().forward_scope(
        states.template at<slot::precision>());
  };
  return ForwardScope<decltype(kernels()), decltype(precision())>{kernels(), precision()};
}

}  // namespace gradus
