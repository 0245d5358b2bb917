/// The sharing axis: which parameters of a model are one and the same.
#pragma once

#include <gradus/core/slot.hpp>

namespace gradus {

/// `tie(model)` makes the parameters one, once, before anything lists them. Everyone who lists
/// parameters sees a shared one once; its gradient is the sum over its uses.
template <class P, class Model>
concept SharingPolicy = PolicyOf<P, slot::sharing> && requires(const P& policy, Model& model) {
  policy.tie(model);
};

}  // namespace gradus
