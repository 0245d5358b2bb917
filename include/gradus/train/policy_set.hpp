/// Composition: any policies in any order become one canonical set with one policy per axis. No
/// torch header is needed here.
#pragma once

#include <gradus/core/slot.hpp>

#include <tuple>
#include <type_traits>

namespace gradus {

/// An axis with the policy that stands in where none is given.
template <class Slot, class Neutral>
struct Axis {
  using slot = Slot;
  using neutral = Neutral;
};

template <class... As>
struct Axes {};

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

template <class P>
using policy_t = typename PolicyTraits<P>::policy;

/// The chosen policies of a trainer, one per axis in canonical order, with their numbers.
template <class... Ps>
class PolicySet {
 public:
  /// The numbers that the types declare.
  PolicySet() : policies_(PolicyTraits<Ps>::values()...) {}

  /// The policy on the axis of tag `Slot`.
  template <class Slot>
  [[nodiscard]] auto& at() {
    return std::get<index_of<Slot>()>(policies_);
  }
  template <class Slot>
  [[nodiscard]] const auto& at() const {
    return std::get<index_of<Slot>()>(policies_);
  }

  /// Calls `visit(policy)` for each axis, in canonical order.
  template <class Visit>
  void for_each(Visit&& visit) {
    std::apply([&](auto&... policy) { (visit(policy), ...); }, policies_);
  }
  template <class Visit>
  void for_each(Visit&& visit) const {
    std::apply([&](const auto&... policy) { (visit(policy), ...); }, policies_);
  }

 private:
  template <class Slot>
  static constexpr std::size_t index_of() {
    std::size_t index = 0;
    static_cast<void>(
        ((std::is_same_v<typename policy_t<Ps>::slot, Slot> || (++index, false)) || ...));
    static_assert((std::is_same_v<typename policy_t<Ps>::slot, Slot> || ...),
                  "gradus: there is no such axis in this set of policies.");
    return index;
  }

  std::tuple<policy_t<Ps>...> policies_;
};

namespace detail {

template <class Slot, class... Ps>
constexpr std::size_t count_for = (std::size_t{std::is_same_v<typename policy_t<Ps>::slot, Slot>} +
                                   ... + 0);

/// The one of `Ps` that fills `Slot`, else `Neutral`.
template <class Slot, class Neutral, class... Ps>
struct Fill {
  using type = Neutral;
};
template <class Slot, class Neutral, class P, class... Rest>
struct Fill<Slot, Neutral, P, Rest...>
    : std::conditional_t<std::is_same_v<typename policy_t<P>::slot, Slot>, std::type_identity<P>,
                         Fill<Slot, Neutral, Rest...>> {};

template <class AxisList, class... Ps>
struct Compose;

template <class... As, class... Ps>
struct Compose<Axes<As...>, Ps...> {
  template <class P>
  static constexpr bool known = (std::is_same_v<typename policy_t<P>::slot, typename As::slot> ||
                                 ...);

  static consteval bool checked() {
    static_assert((Policy<policy_t<Ps>> && ...),
                  "gradus: an argument of Trainer is not a policy; a policy is an aggregate with "
                  "`using slot`, `name` and `fields()` (see docs/custom-policy.md).");
    if constexpr ((Policy<policy_t<Ps>> && ...)) {
      static_assert(
          (known<Ps> && ...),
          "gradus: a policy fills an axis that Trainer does not have; the axes are listed "
          "in train/axes.hpp.");
      static_assert(((count_for<typename As::slot, Ps...> <= 1) && ...),
                    "gradus: two policies fill the same axis of Trainer; keep one of them.");
      return (known<Ps> && ...) && ((count_for<typename As::slot, Ps...> <= 1) && ...);
    }
    return false;
  }

  template <bool Fine, class = void>
  struct Result {
    using type = PolicySet<>;
  };
  template <class Unused>
  struct Result<true, Unused> {
    using type = PolicySet<typename Fill<typename As::slot, typename As::neutral, Ps...>::type...>;
  };

  using type = typename Result<checked()>::type;
};

}  // namespace detail

}  // namespace gradus
