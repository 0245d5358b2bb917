/// The initialization axis: the weights that training begins with.
#pragma once

#include <gradus/compose/contract.hpp>

#include <array>

namespace gradus {

/// `initialize(model)` sets weights in place, once, when a trainer is made, before weights are
/// shared. The same model gets the same weights; random numbers come from LibTorch's generator. A
/// policy that takes only some models constrains `initialize`, and says by `static constexpr
/// std::string_view needs` what such a model has.
template <class P>
struct Contract<slot::initialization, P> {
  static constexpr std::array<Member, 0> members{};  // `initialize` depends on the model
};

/// A policy of the initialization axis: it has every member that `Contract<slot::initialization,
/// P>` lists.
template <class P, class Model>
concept InitializationPolicy =
    PolicyOf<P, slot::initialization> &&
    requires(const P& policy, Model& model) { policy.initialize(model); };

}  // namespace gradus
