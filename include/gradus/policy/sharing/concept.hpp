/// The sharing axis: which parameters of a model are one and the same.
#pragma once

#include <gradus/compose/contract.hpp>

#include <array>

namespace gradus {

/// `tie(model)` makes the parameters one, once, before anything lists them. Everyone who lists
/// parameters sees a shared one once; its gradient is the sum over its uses. A policy that takes
/// only some models constrains `tie`, and says by `static constexpr std::string_view needs` what
/// such a model has.
template <class P>
struct Contract<slot::sharing, P> {
  static constexpr std::array<Member, 0> members{};  // `tie` depends on the model
};

/// A policy of the sharing axis: it has every member that `Contract<slot::sharing, P>` lists.
template <class P, class Model>
concept SharingPolicy =
    PolicyOf<P, slot::sharing> && requires(const P& policy, Model& model) { policy.tie(model); };

}  // namespace gradus
