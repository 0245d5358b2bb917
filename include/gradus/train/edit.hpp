/// New trainers from old ones: the same with one policy more, or one less.
#pragma once

#include <gradus/train/policy_set.hpp>
#include <gradus/train/trainer.hpp>

#include <type_traits>

namespace gradus {

namespace detail {

template <class T>
struct Edit;

template <class M, class... Ps>
struct Edit<BasicTrainer<M, PolicySet<Ps...>>> {
  template <class P>
  static consteval bool checked() {
    static_assert((std::is_same_v<typename policy_t<Ps>::slot, typename policy_t<P>::slot> || ...),
                  "gradus: the policy given to with<> fills an axis that this trainer does not "
                  "have; the axes are listed in train/axes.hpp.");
    return true;
  }

  template <class P>
    requires(checked<P>())
  using with = BasicTrainer<
      M, PolicySet<std::conditional_t<
             std::is_same_v<typename policy_t<Ps>::slot, typename policy_t<P>::slot>, P, Ps>...>>;
};

template <class T>
struct EditAll {
  template <class... Ps>
  struct With {
    using type = T;
  };
  template <class P, class... Rest>
  struct With<P, Rest...> {
    static_assert((!std::is_same_v<typename policy_t<P>::slot, typename policy_t<Rest>::slot> &&
                   ...),
                  "gradus: with<> was given two policies for one axis; keep one of them.");
    using type = typename EditAll<typename Edit<T>::template with<P>>::template With<Rest...>::type;
  };
};

template <class Slot, class AxisList>
struct NeutralOf;
template <class Slot, class A, class... As>
struct NeutralOf<Slot, Axes<A, As...>>
    : std::conditional_t<std::is_same_v<Slot, typename A::slot>,
                         std::type_identity<typename A::neutral>, NeutralOf<Slot, Axes<As...>>> {};

}  // namespace detail

/// Trainer `T` with these policies in place of its own on their axes.
template <class T, class... Ps>
using with = typename detail::EditAll<T>::template With<Ps...>::type;

/// Trainer `T` with the neutral policy on the axis of tag `Slot`.
template <class T, class Slot>
using without = with<T, typename detail::NeutralOf<Slot, TrainerAxes>::type>;

}  // namespace gradus
