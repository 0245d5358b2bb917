/// New trainers from old ones: the same with other policies, with one less, and the list of all
/// with one less.
#pragma once

#include <gradus/compose/averaging_mistakes.hpp>
#include <gradus/train/trainer.hpp>

#include <type_traits>

namespace gradus {

namespace detail {

/// Whether `P`, put into a trainer, takes the place of `Q`. On an axis that holds several it goes
/// beside the others.
template <class P, class Q>
consteval bool replaces() {
  if constexpr (argument_mistake<P>().empty()) {
    return std::is_same_v<slot_t<P>, slot_t<Q>> &&
           (!allows_several<slot_t<P>> || std::is_same_v<policy_t<P>, policy_t<Q>>);
  } else {
    return false;
  }
}

template <class M, class Kept, class... Ps>
struct Recompose;
template <class M, class... Kept, class... Ps>
struct Recompose<M, Pack<Kept...>, Ps...> {
  using type = Trainer<M, Kept..., Ps...>;
};

template <class T, class... Ps>
struct With {
  using type = T;  // refused already
};
template <class M, class... Qs, class... Ps>
struct With<BasicTrainer<M, PolicySet<Qs...>>, Ps...> {
  template <class Q>
  using Stays = std::bool_constant<!(replaces<Ps, Q>() || ...)>;
  using type = typename Recompose<M, typename Filter<Stays, Pack<>, Qs...>::type, Ps...>::type;
};

template <class Slot, class... Qs>
struct AxisMistake {
  static constexpr Sentence sentence = (std::is_same_v<slot_t<Qs>, Slot> || ...)
                                           ? Sentence()
                                           : Sentence("`without` is asked for ", type_name<Slot>(),
                                                      ", an axis that has no policy in this "
                                                      "trainer; leave it out.");
};

template <class T, class Slot>
struct Without {
  using type = T;
};
template <class M, class... Qs, class Slot>
struct Without<BasicTrainer<M, PolicySet<Qs...>>, Slot> : Says<AxisMistake<Slot, Qs...>> {
  template <class Q>
  using Stays = std::bool_constant<!std::is_same_v<slot_t<Q>, Slot>>;
  using type = typename Recompose<M, typename Filter<Stays, Pack<>, Qs...>::type>::type;
};

}  // namespace detail

/// Trainer `T` with these policies in place of its own on their axes.
template <class T, class... Ps>
using with = typename detail::With<T, Ps...>::type;

/// Trainer `T` with the neutral policy on the axis of tag `Slot`, or none on an extension axis.
template <class T, class Slot>
using without = typename detail::Without<T, Slot>::type;

/// A trainer that lacks one policy of another.
template <class Policy, class Trainer>
struct Ablation {
  using policy = Policy;  ///< what is left out
  using trainer = Trainer;
};

/// A list of Ablation types, as `ablations` makes it.
template <class... As>
struct Ablations {
  static constexpr std::size_t count = sizeof...(As);
};

namespace detail {

template <class Q, class AxisList>
struct IsNeutral;
template <class Q, class... As>
struct IsNeutral<Q, Axes<As...>>
    : std::bool_constant<(std::is_same_v<Q, typename As::neutral> || ...)> {};

/// Whether `Q` is left out with `Left`: an optimizer with averages of its own and the averaging
/// policy that uses them cannot be one without the other.
template <class Q, class Left>
inline constexpr bool leaves_with =
    std::is_same_v<Q, Left> ||
    (has_own_averages<policy_t<Q>> && uses_optimizer_averages<policy_t<Left>>) ||
    (has_own_averages<policy_t<Left>> && uses_optimizer_averages<policy_t<Q>>);

template <class T>
struct Ablate;
template <class M, class... Qs>
struct Ablate<BasicTrainer<M, PolicySet<Qs...>>> {
  template <class Q>
  using Counts = std::bool_constant<!IsNeutral<Q, TrainerAxes>::value>;
  template <class Left>
  struct Lacking {
    template <class Q>
    using Stays = std::bool_constant<!leaves_with<Q, Left>>;
    using type = Ablation<policy_t<Left>,
                          typename Recompose<M, typename Filter<Stays, Pack<>, Qs...>::type>::type>;
  };
  template <class... Left>
  static auto list(Pack<Left...>) -> Ablations<typename Lacking<Left>::type...>;
  using type = decltype(list(typename Filter<Counts, Pack<>, Qs...>::type()));
};

}  // namespace detail

/// For each policy of `T` that is not neutral, `T` without it: `Ablations<Ablation<Policy,
/// Trainer>...>`, in canonical order. A neutral policy with other numbers counts.
template <class T>
using ablate = typename detail::Ablate<T>::type;

}  // namespace gradus
