/// The run states of a trainer's policies, and the calls of their hooks in the order of phases.
/// What no policy has costs nothing.
#pragma once

#include <gradus/compose/hook_list.hpp>
#include <gradus/compose/policy_set.hpp>
#include <gradus/core/state_dict.hpp>
#include <gradus/core/step_context.hpp>
#include <gradus/distributed/optimizer_shards.hpp>

#include <c10/core/Device.h>

#include <cstddef>
#include <memory>
#include <string>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

namespace gradus {

namespace detail {

/// Of policy number `I`; empty where the policy has none, and then of no size as a base.
template <std::size_t I, class P, bool Empty = std::is_empty_v<state_of<P>>>
struct HeldState {
  state_of<P> state;
};
template <std::size_t I, class P>
struct HeldState<I, P, true> {
  [[no_unique_address]] state_of<P> state;
};

template <std::size_t I, class P, bool Empty>
auto& state_number(HeldState<I, P, Empty>& held) {
  return held.state;
}
template <std::size_t I, class P, bool Empty>
const auto& state_number(const HeldState<I, P, Empty>& held) {
  return held.state;
}

template <class Indices, class... Ps>
struct HeldStates;
template <std::size_t... I, class... Ps>
struct HeldStates<std::index_sequence<I...>, Ps...> : HeldState<I, Ps>... {};

}  // namespace detail

template <class Set>
class PolicyStates;

template <class... Ps>
class PolicyStates<PolicySet<Ps...>> {
  using Set = PolicySet<Ps...>;
  template <std::size_t I>
  using PolicyAt = policy_t<std::tuple_element_t<I, std::tuple<Ps...>>>;

 public:
  /// Makes the run state of each policy that has one. The distribution's comes first: it may leave
  /// only a part of the parameters to this process's optimizer.
  PolicyStates(const Set& policies, const std::vector<NamedTensor>& parameters, c10::Device device)
      : states_(start_all(std::index_sequence_for<Ps...>(), policies, parameters, device)) {}

  /// New run states for all policies but those on the axes of tags `Kept`, which are told.
  template <class... Kept>
  void restart_all_but(const Set& policies, const std::vector<NamedTensor>& parameters,
                       c10::Device device) {
    [&]<std::size_t... I>(std::index_sequence<I...>) {
      (restart<I, Kept...>(policies, parameters, device), ...);
    }(std::index_sequence_for<Ps...>());
  }

  /// Of the policy on the axis of tag `Slot`.
  template <class Slot>
  [[nodiscard]] auto& at() {
    return detail::state_number<Set::template index_of<Slot>()>(states_);
  }
  template <class Slot>
  [[nodiscard]] const auto& at() const {
    return detail::state_number<Set::template index_of<Slot>()>(states_);
  }

  /// How the optimizer's state is divided over processes; null where this one has all of it.
  [[nodiscard]] OptimizerShards* shards(const Set& policies) const {
    return shards_of(policies.template at<slot::distribution>(), at<slot::distribution>());
  }

  /// Calls hook `H` of those that have it, early phases first.
  template <class H, class... Arguments>
  void call(const Set& policies, Arguments&... arguments) {
    static constexpr auto order = hook_order<H, policy_t<Ps>...>();
    [&]<std::size_t... I>(std::index_sequence<I...>) {
      (call_one<H, order[I]>(policies, arguments...), ...);
    }(std::make_index_sequence<order.size()>());
  }

  /// Whether a policy has hook `H`.
  template <class H>
  static constexpr bool has = hook_order<H, policy_t<Ps>...>().size() > 0;

  /// Runs `body` inside the scopes of around-hook `H`: early phases are outermost and end last.
  template <class H, std::size_t Next = 0, class Body>
  decltype(auto) around(const Set& policies, const StepContext& context, Body&& body) {
    static constexpr auto order = hook_order<H, policy_t<Ps>...>();
    if constexpr (Next == order.size()) {
      return body();
    } else {
      [[maybe_unused]] const auto scope = call_one<H, order[Next]>(policies, context);
      return around<H, Next + 1>(policies, context, std::forward<Body>(body));
    }
  }

  /// Calls `visit(policy, state)` for each policy that has run state.
  template <class Visit>
  void for_each(const Set& policies, Visit&& visit) {
    [&]<std::size_t... I>(std::index_sequence<I...>) {
      (visit_one<I>(policies, visit), ...);
    }(std::index_sequence_for<Ps...>());
  }

 private:
  template <std::size_t... I>
  static auto start_all(std::index_sequence<I...>, const Set& policies,
                        const std::vector<NamedTensor>& parameters, c10::Device device) {
    auto distribution = start_one(policies.template at<slot::distribution>(), parameters, device);
    const auto* shards = shards_of(policies.template at<slot::distribution>(), distribution);
    const auto of_optimizer = shards == nullptr ? parameters : shards->parameters();
    const auto start = [&]<std::size_t Index>(std::integral_constant<std::size_t, Index>) {
      using Slot = typename PolicyAt<Index>::slot;
      if constexpr (std::is_same_v<Slot, slot::distribution>) {
        return std::move(distribution);
      } else {
        return start_one(policies.template get<Index>(),
                         std::is_same_v<Slot, slot::optimizer> ? of_optimizer : parameters, device);
      }
    };
    return detail::HeldStates<std::index_sequence<I...>, policy_t<Ps>...>{
        {start(std::integral_constant<std::size_t, I>())}...};
  }

  template <class P>
  static OptimizerShards* shards_of(const P& policy, const state_of<P>& state) {
    if constexpr (requires { policy.shards(state); }) {
      return policy.shards(state);
    } else {
      return nullptr;
    }
  }

  template <class P>
  static state_of<P> start_one(const P& policy,
                               [[maybe_unused]] const std::vector<NamedTensor>& parameters,
                               [[maybe_unused]] c10::Device device) {
    if constexpr (requires { policy.start(parameters); }) {
      return policy.start(parameters);
    } else if constexpr (requires { policy.start(device); }) {
      return policy.start(device);
    } else {
      static_assert(std::is_empty_v<state_of<P>>,
                    "gradus: a policy has run state, but its `start` takes neither `const "
                    "std::vector<gradus::NamedTensor>&` nor `c10::Device`.");
      return {};
    }
  }

  template <std::size_t I, class... Kept>
  void restart(const Set& policies, const std::vector<NamedTensor>& parameters,
               c10::Device device) {
    using P = PolicyAt<I>;
    constexpr bool is_kept = (std::is_same_v<typename P::slot, Kept> || ...);
    if constexpr (!std::is_empty_v<state_of<P>> && !is_kept) {
      auto fresh = start_one(policies.template get<I>(), parameters, device);
      auto& state = detail::state_number<I>(states_);
      std::destroy_at(&state);  // it may have members that cannot be assigned
      std::construct_at(&state, std::move(fresh));
    } else if constexpr (requires(const P& policy, state_of<P>& state) { policy.restart(state); }) {
      policies.template get<I>().restart(detail::state_number<I>(states_));
    }
  }

  template <class H, std::size_t I, class... Arguments>
  decltype(auto) call_one(const Set& policies, Arguments&... arguments) {
    const auto& policy = policies.template get<I>();
    if constexpr (std::is_empty_v<state_of<PolicyAt<I>>>) {
      return H::call(policy, arguments...);
    } else {
      return H::call(policy, detail::state_number<I>(states_), arguments...);
    }
  }

  template <std::size_t I, class Visit>
  void visit_one(const Set& policies, Visit& visit) {
    if constexpr (!std::is_empty_v<state_of<PolicyAt<I>>>) {
      visit(policies.template get<I>(), detail::state_number<I>(states_));
    }
  }

  detail::HeldStates<std::index_sequence_for<Ps...>, policy_t<Ps>...> states_;
};

}  // namespace gradus
