/// Whether policies meet their contracts, agree with one another and fit the model: a sentence that
/// names the policy, the axis and the fix. No torch header is needed here.
#pragma once

#include <gradus/compose/argument_mistakes.hpp>
#include <gradus/compose/averaging_mistakes.hpp>
#include <gradus/compose/contract.hpp>
#include <gradus/compose/field.hpp>
#include <gradus/compose/hook.hpp>
#include <gradus/compose/hook_list.hpp>
#include <gradus/compose/model_mistakes.hpp>
#include <gradus/compose/policy_set.hpp>
#include <gradus/compose/refusal.hpp>
#include <gradus/compose/tensor_fwd.hpp>

#include <string_view>
#include <tuple>
#include <type_traits>
#include <vector>

namespace gradus {

namespace detail {

/// Run state must be made, saved and loaded.
template <class P>
consteval Sentence state_mistake() {
  using State = state_of<P>;
  const auto misses = [](std::string_view member, std::string_view declaration) {
    return Sentence("policy ", type_name<P>(), " of axis ", P::slot::name,
                    " has run state but no `", member, "` of the right type; declare `",
                    declaration, "`.");
  };
  if constexpr (std::is_empty_v<State>) {
    return {};
  } else if constexpr (!requires { &P::start; } && !requires { &P::template start<>; }) {
    return misses("start", "State start(const std::vector<gradus::NamedTensor>& parameters) const");
  } else if constexpr (std::is_same_v<typename P::slot, slot::distribution>) {
    return {};  // which processes there are is no part of what is saved
  } else if constexpr (!requires {
                         static_cast<void (P::*)(const State&, StateDict&) const>(&P::save);
                       }) {
    return misses("save", "void save(const State& state, gradus::StateDict& to) const");
  } else if constexpr (!requires {
                         static_cast<void (P::*)(State&, const StateDict&) const>(&P::load);
                       }) {
    return misses("load", "void load(State& state, const gradus::StateDict& from) const");
  } else {
    return {};
  }
}

/// Numbers that are part of the type, against the ranges that the policy declares.
template <class Argument>
consteval Sentence number_mistake() {
  using P = policy_t<Argument>;
  Sentence found;
  if constexpr (!std::is_same_v<P, Argument>) {
    constexpr P values = PolicyTraits<Argument>::values();
    const auto check = [&](const auto& field) {
      using T = std::remove_cvref_t<decltype(field.of(values))>;
      if constexpr (std::is_arithmetic_v<T> && !std::is_same_v<T, bool>) {
        const auto value = static_cast<double>(field.of(values));
        if (!found.empty() || field.range.holds(value)) return;
        found = Sentence("policy ", type_name<P>(), " of axis ", P::slot::name, " is given ",
                         field.name, " = ", value, ", but it takes numbers");
        if (field.range.low > -1e12) {
          found.append(field.range.low_open ? " above " : " from ").append(field.range.low);
        }
        if (field.range.high < 1e12) {
          found.append(field.range.high_open ? " below " : " to ").append(field.range.high);
        }
        found.append("; change the preset.");
      }
    };
    std::apply([&](const auto&... field) { (check(field), ...); }, P::fields());
  }
  return found;
}

/// `mistake()` of a policy whose numbers do not go together, where they are known.
template <class Argument>
consteval Sentence conflict_mistake() {
  using P = policy_t<Argument>;
  if constexpr (requires {
                  typename std::bool_constant<PolicyTraits<Argument>::values().mistake().empty()>;
                }) {
    constexpr std::string_view said = PolicyTraits<Argument>::values().mistake();
    if (!said.empty()) {
      return Sentence("policy ", type_name<P>(), " of axis ", P::slot::name, ": ", said, ".");
    }
  }
  return {};
}

template <class P>
consteval Sentence contract_or_hooks_mistake() {
  if constexpr (UnderContract<P>) {
    return first_mistake(contract_mistake<P>(), hooks_mistake<P>());
  } else {
    return hooks_mistake<P>();
  }
}

template <class Argument>
consteval Sentence policy_mistake() {
  using P = policy_t<Argument>;
  if constexpr (!contract_or_hooks_mistake<P>().empty()) {
    return contract_or_hooks_mistake<P>();
  } else {
    return first_mistake(state_mistake<P>(), number_mistake<Argument>(),
                         conflict_mistake<Argument>());
  }
}

/// What two policies of different axes can disagree on.
template <class Optimizer, class Schedule>
consteval Sentence momentum_mistake() {
  constexpr auto cycles = [] {
    if constexpr (requires {
                    typename std::bool_constant<PolicyTraits<Schedule>::values().cycles_momentum()>;
                  }) {
      return PolicyTraits<Schedule>::values().cycles_momentum();
    } else {
      return false;
    }
  }();
  constexpr auto lacks = [] {
    if constexpr (requires {
                    typename std::bool_constant<PolicyTraits<Optimizer>::values().has_momentum()>;
                  }) {
      return !PolicyTraits<Optimizer>::values().has_momentum();
    } else {
      return false;
    }
  }();
  if (!cycles || !lacks) return {};
  return Sentence("policy ", type_name<policy_t<Schedule>>(),
                  " of axis schedule cycles momentum, but ", type_name<policy_t<Optimizer>>(),
                  " of axis optimizer has none; switch the cycling off or choose another "
                  "optimizer.");
}

template <class... Ps>
consteval Sentence agreement_mistake() {
  using Optimizer = typename FindPolicy<slot::optimizer, Ps...>::type;
  using Schedule = typename FindPolicy<slot::schedule, Ps...>::type;
  using Averaging = typename FindPolicy<slot::averaging, Ps...>::type;
  using Distribution = typename FindPolicy<slot::distribution, Ps...>::type;
  constexpr auto averages = averaging_mistake<Optimizer, Averaging, Distribution>();
  if constexpr (!averages.empty()) {
    return averages;
  } else if constexpr (!std::is_void_v<Optimizer> && !std::is_void_v<Schedule>) {
    return momentum_mistake<Optimizer, Schedule>();
  } else {
    return {};
  }
}

}  // namespace detail

/// Stage by stage: each policy by itself, then together, then with the model.
template <class Model, class Set>
struct FitMistake;
template <class Model, class... Ps>
struct FitMistake<Model, PolicySet<Ps...>> {
  static consteval Sentence find() {
    constexpr auto alone = first_mistake(detail::policy_mistake<Ps>()...);
    constexpr bool one_input = detail::gives_one_input<Ps...>();
    if constexpr (!alone.empty()) {
      return alone;
    } else if constexpr (!detail::agreement_mistake<Ps...>().empty()) {
      return detail::agreement_mistake<Ps...>();
    } else if constexpr (!detail::model_mistake<Model, one_input>().empty()) {
      return detail::model_mistake<Model, one_input>();
    } else {
      return first_mistake(detail::on_model_mistake<Model, Ps>()...);
    }
  }
};

}  // namespace gradus
