/// Whether the arguments of a trainer are policies, one per axis: a sentence that names the policy,
/// the axis and the fix. No torch header is needed here.
#pragma once

#include <gradus/compose/policy_set.hpp>
#include <gradus/compose/refusal.hpp>

#include <string_view>
#include <tuple>
#include <type_traits>

namespace gradus {

/// The first sentence that is not empty.
template <class... Sentences>
consteval Sentence first_mistake(Sentences... sentences) {
  Sentence found;
  ((found.empty() ? void(found = sentences) : void()), ...);
  return found;
}

namespace detail {

template <class Argument>
consteval Sentence form_mistake(std::string_view role) {
  using Bare = std::remove_cv_t<std::remove_pointer_t<std::remove_cvref_t<Argument>>>;
  const auto wrong = [&](std::string_view what) {
    return Sentence(role, " ", type_name<Argument>(), " of Trainer is ", what, "; write ",
                    type_name<Bare>(), ".");
  };
  if constexpr (std::is_reference_v<Argument>) {
    return wrong("a reference");
  } else if constexpr (std::is_pointer_v<Argument>) {
    return wrong("a pointer");
  } else if constexpr (std::is_const_v<Argument> || std::is_volatile_v<Argument>) {
    return wrong("const- or volatile-qualified");
  } else {
    return {};
  }
}

/// Whether the argument is a policy at all.
template <class Argument>
consteval Sentence argument_mistake() {
  if constexpr (!form_mistake<Argument>("policy").empty()) {
    return form_mistake<Argument>("policy");
  } else {
    using P = policy_t<Argument>;
    constexpr auto name = type_name<P>();
    if constexpr (
        !requires { typename P::slot; } &&
        requires(P& holder) {
          *holder;
          holder.operator->();
        }) {
      return Sentence("argument ", name,
                      " of Trainer is a model, not a policy; the model comes first.");
    } else if constexpr (!requires { typename P::slot; }) {
      return Sentence(
          "argument ", name,
          " of Trainer is not a policy, for it names no axis in public; add `using slot "
          "= gradus::slot::...;`, or a tag of your own, or leave it out.");
    } else if constexpr (!requires { std::string_view(P::slot::name); }) {
      return Sentence("the axis ", type_name<typename P::slot>(), " of policy ", name,
                      " has no name; add `static constexpr std::string_view name = \"...\";` to "
                      "the axis.");
    } else if constexpr (!requires { std::string_view(P::name); }) {
      return Sentence("policy ", name, " of axis ", P::slot::name,
                      " has no name; add `static constexpr std::string_view name = \"...\";`.");
    } else if constexpr (!requires { std::tuple_size<decltype(P::fields())>::value; }) {
      return Sentence(
          "policy ", name, " of axis ", P::slot::name,
          " does not declare its numbers in public; add `static constexpr auto fields() { return "
          "gradus::fields_of(...); }`, or `return gradus::no_fields;` if it has none.");
    } else if constexpr (!std::is_aggregate_v<P> || !std::is_default_constructible_v<P>) {
      return Sentence("policy ", name, " of axis ", P::slot::name,
                      " is not an aggregate with defaults; take away its constructors and private "
                      "data, and give each member a default.");
    } else {
      return {};
    }
  }
}

template <class Slot>
constexpr bool allows_several = requires { requires Slot::allows_several; };

/// Whether `P` and one of `Rest` fill the same axis.
template <class P, class... Rest>
consteval Sentence double_mistake() {
  Sentence found;
  [[maybe_unused]] const auto compare = [&]<class Other>(std::type_identity<Other>) {
    constexpr bool same_axis = std::is_same_v<slot_t<P>, slot_t<Other>>;
    constexpr bool allowed =
        allows_several<slot_t<P>> && !std::is_same_v<policy_t<P>, policy_t<Other>>;
    if (same_axis && !allowed && found.empty()) {
      found = Sentence("policies ", type_name<policy_t<P>>(), " and ", type_name<policy_t<Other>>(),
                       " both fill axis ", slot_t<P>::name, "; keep one of them.");
    }
  };
  (compare(std::type_identity<Rest>()), ...);
  return found;
}

template <class... Ps>
struct DoubleMistakes;
template <>
struct DoubleMistakes<> {
  static constexpr Sentence sentence{};
};
template <class P, class... Rest>
struct DoubleMistakes<P, Rest...> {
  static constexpr Sentence sentence =
      first_mistake(double_mistake<P, Rest...>(), DoubleMistakes<Rest...>::sentence);
};

}  // namespace detail

/// Whether each argument is a policy, and no axis is filled twice.
template <class... Arguments>
consteval Sentence arguments_mistake() {
  constexpr auto form = first_mistake(detail::argument_mistake<Arguments>()...);
  if constexpr (form.empty()) {
    return detail::DoubleMistakes<Arguments...>::sentence;
  } else {
    return form;
  }
}

}  // namespace gradus
