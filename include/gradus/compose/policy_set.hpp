/// The chosen policies of a trainer with their numbers. No torch header is needed here.
#pragma once

#include <gradus/compose/slot.hpp>

#include <cstddef>
#include <type_traits>
#include <utility>

namespace gradus {

/// `Preset<AdamW{...}>` is AdamW with other numbers; a policy type is itself with its defaults.
template <class P>
struct PolicyTraits {
  using policy = P;
  static constexpr P values() { return P{}; }
};
template <auto Values>
struct PolicyTraits<Preset<Values>> {
  using policy = typename Preset<Values>::policy;
  static constexpr policy values() { return Values; }
};

/// The policy type itself: `P`, or the policy that `P` is a Preset of.
template <class P>
using policy_t = typename PolicyTraits<P>::policy;

/// The tag of the axis that a policy, or a preset of one, fills.
template <class P>
using slot_t = typename policy_t<P>::slot;

namespace detail {

/// Policy number `Index` of a set.
template <std::size_t Index, class P>
struct HeldPolicy {
  [[no_unique_address]] P policy;
};

template <std::size_t Index, class P>
constexpr P& policy_number(HeldPolicy<Index, P>& held) {
  return held.policy;
}
template <std::size_t Index, class P>
constexpr const P& policy_number(const HeldPolicy<Index, P>& held) {
  return held.policy;
}

/// What std::tuple does, in a fraction of its time to compile: a program has many sets.
template <class Indices, class... Ps>
struct HeldPolicies;
template <std::size_t... I, class... Ps>
struct HeldPolicies<std::index_sequence<I...>, Ps...> : HeldPolicy<I, Ps>... {
  template <class Visit>
  void for_each(Visit& visit) {
    (visit(policy_number<I>(*this)), ...);
  }
  template <class Visit>
  void for_each(Visit& visit) const {
    (visit(policy_number<I>(*this)), ...);
  }
};

}  // namespace detail

/// One policy per axis in canonical order, then those of extension axes by name. Policies without
/// numbers take no bytes.
template <class... Ps>
class PolicySet {
 public:
  /// The numbers that the types declare.
  PolicySet() : policies_{{PolicyTraits<Ps>::values()}...} {}

  /// The policy on the axis of tag `Slot`, the first if there are several.
  template <class Slot>
  [[nodiscard]] auto& at() {
    return detail::policy_number<index_of<Slot>()>(policies_);
  }
  template <class Slot>
  [[nodiscard]] const auto& at() const {
    return detail::policy_number<index_of<Slot>()>(policies_);
  }

  /// In canonical order, the number of the policy that `at<Slot>()` gives.
  template <class Slot>
  static constexpr std::size_t index_of() {
    static_assert((std::is_same_v<slot_t<Ps>, Slot> || ...),
                  "gradus: there is no such axis in this set of policies.");
    std::size_t index = 0;
    static_cast<void>(((std::is_same_v<slot_t<Ps>, Slot> || (++index, false)) || ...));
    return index;
  }

  /// Number `Index` in canonical order.
  template <std::size_t Index>
  [[nodiscard]] const auto& get() const {
    return detail::policy_number<Index>(policies_);
  }

  /// Calls `visit(policy)` for each, in canonical order.
  template <class Visit>
  void for_each(Visit&& visit) {
    policies_.for_each(visit);
  }
  template <class Visit>
  void for_each(Visit&& visit) const {
    policies_.for_each(visit);
  }

 private:
  [[no_unique_address]] detail::HeldPolicies<std::index_sequence_for<Ps...>, policy_t<Ps>...>
      policies_;
};

/// Gives the policies of `to` the numbers of those of the same type in `from`.
template <class From, class To>
void copy_numbers(const From& from, To& to) {
  to.for_each([&](auto& policy) {
    from.for_each([&](const auto& other) {
      if constexpr (std::is_same_v<std::remove_cvref_t<decltype(policy)>,
                                   std::remove_cvref_t<decltype(other)>>) {
        policy = other;
      }
    });
  });
}

}  // namespace gradus
