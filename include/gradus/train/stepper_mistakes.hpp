/// Policies that a stepper has no use for, as a compile error: what they do is done by the loop.
#pragma once

#include <gradus/compose/argument_mistakes.hpp>
#include <gradus/compose/composition.hpp>
#include <gradus/compose/hook.hpp>
#include <gradus/compose/hook_list.hpp>
#include <gradus/compose/policy_set.hpp>
#include <gradus/compose/refusal.hpp>
#include <gradus/compose/slot.hpp>

#include <type_traits>

namespace gradus {

namespace detail {

/// Whether the axis of tag `Slot` is one that a loop of one's own takes the place of.
template <class Slot>
inline constexpr bool is_of_the_loop =
    std::is_same_v<Slot, slot::loading> || std::is_same_v<Slot, slot::sampling> ||
    std::is_same_v<Slot, slot::augmentation> || std::is_same_v<Slot, slot::mixing> ||
    std::is_same_v<Slot, slot::resolution> || std::is_same_v<Slot, slot::loss> ||
    std::is_same_v<Slot, slot::task> || std::is_same_v<Slot, slot::metric> ||
    std::is_same_v<Slot, slot::stopping> || std::is_same_v<Slot, slot::execution>;

template <class P, class... As>
consteval Sentence unused_mistake(Axes<As...>) {
  constexpr bool neutral = (std::is_same_v<P, typename As::neutral> || ...);
  if constexpr (hook_order<hook::before_forward, policy_t<P>>().size() > 0) {
    return Sentence(
        "policy ", type_name<policy_t<P>>(), " of axis ", slot_t<P>::name,
        " has a hook before_forward, which takes a batch, but a Stepper sees none; do it "
        "in your loop, or use a Trainer.");
  } else if constexpr (requires { &policy_t<P>::after_epoch; }) {
    return Sentence("policy ", type_name<policy_t<P>>(), " of axis ", slot_t<P>::name,
                    " follows the results of epochs, which a Stepper does not have; choose another "
                    "schedule, or use a Trainer.");
  } else if constexpr (is_of_the_loop<slot_t<P>> && !neutral) {
    return Sentence("policy ", type_name<policy_t<P>>(), " of axis ", slot_t<P>::name,
                    " does nothing in a Stepper, whose loop is your own; leave it out, or use a "
                    "Trainer.");
  } else {
    return {};
  }
}

}  // namespace detail

template <class AxisList, class Set>
struct StepperMistake;
template <class AxisList, class... Ps>
struct StepperMistake<AxisList, PolicySet<Ps...>> {
  static constexpr Sentence sentence = first_mistake(detail::unused_mistake<Ps>(AxisList())...);
};

}  // namespace gradus
