/// Composition: any policies in any order become one canonical set, or one sentence that says what
/// does not fit. No torch header is needed here.
#pragma once

#include <gradus/compose/argument_mistakes.hpp>
#include <gradus/compose/fit_mistakes.hpp>
#include <gradus/compose/policy_set.hpp>
#include <gradus/compose/refusal.hpp>

#include <array>
#include <cstddef>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>

namespace gradus {

/// An axis with the policy that stands in where none is given.
template <class Slot, class Neutral>
struct Axis {
  using slot = Slot;
  using neutral = Neutral;
};

/// A list of axes, each an Axis of a tag and its neutral policy, in canonical order.
template <class... As>
struct Axes {
  template <class P>
  static constexpr bool holds = (std::is_same_v<slot_t<P>, typename As::slot> || ...);
};

namespace detail {

template <class... Ps>
struct Pack {};

/// The one of `Ps` that fills `Slot`, else `Neutral`.
template <class Slot, class Neutral, class... Ps>
struct Fill {
  using type = Neutral;
};
template <class Slot, class Neutral, class P, class... Rest>
struct Fill<Slot, Neutral, P, Rest...>
    : std::conditional_t<std::is_same_v<slot_t<P>, Slot>, std::type_identity<P>,
                         Fill<Slot, Neutral, Rest...>> {};

/// Those of `Ps` for which `Keep<P>::value` holds, in order.
template <template <class> class Keep, class Kept, class... Ps>
struct Filter {
  using type = Kept;
};
template <template <class> class Keep, class... Kept, class P, class... Rest>
struct Filter<Keep, Pack<Kept...>, P, Rest...>
    : std::conditional_t<Keep<P>::value, Filter<Keep, Pack<Kept..., P>, Rest...>,
                         Filter<Keep, Pack<Kept...>, Rest...>> {};

/// By the name of the axis, then of the type, so that the order in which they were given is lost.
template <class P>
struct Sorted;
template <class... Ps>
struct Sorted<Pack<Ps...>> {
  static consteval auto order() {
    using Key = std::pair<std::string_view, std::string_view>;
    const std::array<Key, sizeof...(Ps)> keys{Key{slot_t<Ps>::name, type_name<Ps>()}...};
    std::array<std::size_t, sizeof...(Ps)> order{};
    for (std::size_t i = 0; i < order.size(); ++i) {
      std::size_t place = i;
      for (; place > 0 && keys[i] < keys[order[place - 1]]; --place)
        order[place] = order[place - 1];
      order[place] = i;
    }
    return order;
  }
  template <std::size_t... I>
  static auto pick(std::index_sequence<I...>)
      -> Pack<std::tuple_element_t<order()[I], std::tuple<Ps...>>...>;
  using type = decltype(pick(std::index_sequence_for<Ps...>()));
};

template <class AxisList, class... Ps>
struct Compose;
template <class... As, class... Ps>
struct Compose<Axes<As...>, Ps...> {
  template <class P>
  using Extends = std::bool_constant<!Axes<As...>::template holds<P>>;
  template <class... Es>
  static auto set(Pack<Es...>)
      -> PolicySet<typename Fill<typename As::slot, typename As::neutral, Ps...>::type..., Es...>;
  using type =
      decltype(set(typename Sorted<typename Filter<Extends, Pack<>, Ps...>::type>::type()));
};

}  // namespace detail

/// Stands in for the policies of a composition that was refused. Whoever needs the whole type gets
/// the sentence, once.
template <class Mistake>
struct RefusedPolicies : Says<Mistake> {};

/// `policies` is the canonical PolicySet of `Arguments` over the axes, with neutral policies for
/// the rest: the same type for every order. Where something does not fit it is RefusedPolicies.
template <class AxisList, class Model, class... Arguments>
class Composition {
  struct ArgumentMistake {
    static constexpr Sentence sentence = arguments_mistake<Arguments...>();
  };

  template <class AllAxes, bool Fine>
  struct Composed {
    using type = RefusedPolicies<ArgumentMistake>;
  };
  template <class AllAxes>
  struct Composed<AllAxes, true> {
    using Set = typename detail::Compose<AllAxes, Arguments...>::type;
    struct Mistake {
      static constexpr Sentence sentence = FitMistake<Model, Set>::find();
    };
    using type = std::conditional_t<Mistake::sentence.empty(), Set, RefusedPolicies<Mistake>>;
  };

 public:
  using policies = typename Composed<AxisList, ArgumentMistake::sentence.empty()>::type;
};

}  // namespace gradus
