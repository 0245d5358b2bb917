/// The hooks of the policies of one trainer: whether they are declared rightly, and calling them in
/// the order of their phases. No torch header is needed here.
#pragma once

#include <gradus/compose/hook.hpp>
#include <gradus/compose/refusal.hpp>

#include <array>
#include <cstddef>
#include <string_view>
#include <type_traits>

namespace gradus {

namespace detail {

template <class H>
struct HookAt {
  using hook = H;
  static constexpr Phase phase = Phase::normal;
};
template <class H, Phase When>
struct HookAt<At<H, When>> : At<H, When> {};

template <class P>
struct HooksOf {
  using type = Hooks<>;
};
template <class P>
  requires requires { typename P::hooks; }
struct HooksOf<P> {
  using type = typename P::hooks;
};

template <class H>
concept KnownHook = requires {
  std::string_view(HookAt<H>::hook::name);
  HookAt<H>::hook::template present<int>;
};

template <class List>
struct HookTraits {
  static constexpr bool is_list = false;
};
template <class... Hs>
struct HookTraits<Hooks<Hs...>> {
  static constexpr bool is_list = true;
  static constexpr std::size_t count = sizeof...(Hs);
  static constexpr bool known = (KnownHook<Hs> && ...);

  template <class H>
  static constexpr std::size_t times =
      (std::size_t{std::is_same_v<typename HookAt<Hs>::hook, H>} + ... + 0);
  /// The phase in which the list has `H`.
  template <class H>
  static consteval Phase phase() {
    Phase found = Phase::normal;
    ((std::is_same_v<typename HookAt<Hs>::hook, H> ? void(found = HookAt<Hs>::phase) : void()),
     ...);
    return found;
  }
};

template <class P>
using hooks_of = HookTraits<typename HooksOf<P>::type>;

/// One hook of `P`: declared and of its type, or neither declared nor there.
template <class P, class H>
consteval Sentence hook_mistake() {
  const auto say = [](std::string_view before, std::string_view after) {
    return Sentence("policy ", type_name<P>(), " of axis ", P::slot::name, before, H::name, after);
  };
  const auto declaration = [](std::string_view before, std::string_view after) {
    constexpr bool returns = H::name.starts_with("around");
    constexpr bool state = !std::is_empty_v<state_of<P>>;
    return Sentence("policy ", type_name<P>(), " of axis ", P::slot::name, before, H::name, after,
                    returns ? "auto " : "void ", H::name, "(", state ? "State& state, " : "",
                    H::parameters, "const gradus::StepContext& context) const`.");
  };
  constexpr auto times = hooks_of<P>::template times<H>;
  constexpr bool present = H::template present<P>;
  if constexpr (times > 1) {
    return say(" declares the hook `", "` twice; name it once in its `hooks`.");
  } else if constexpr (times == 0 && present) {
    return say(" has a member `",
               "` that would never be called; name it in `using hooks = "
               "gradus::Hooks<gradus::hook::...>;`.");
  } else if constexpr (times == 1 && !present) {
    return declaration(" declares the hook `", "` but has no such member; add `");
  } else if constexpr (times == 1 && !H::template fits<P>) {
    return declaration(" has a wrong `", "`; declare it `");
  } else {
    return {};
  }
}

template <class P, class... Hs>
consteval Sentence each_hook_mistake(Hooks<Hs...>) {
  Sentence found;
  ((found.empty() ? void(found = hook_mistake<P, Hs>()) : void()), ...);
  return found;
}

template <class P>
consteval Sentence hooks_mistake() {
  using Declared = hooks_of<P>;
  if constexpr (!Declared::is_list) {
    return Sentence("policy ", type_name<P>(), " of axis ", P::slot::name,
                    " has `hooks` that are no list; write `using hooks = "
                    "gradus::Hooks<gradus::hook::...>;`.");
  } else if constexpr (!Declared::known) {
    return Sentence("policy ", type_name<P>(), " of axis ", P::slot::name,
                    " declares a hook that does not exist; take one of gradus::hook, see "
                    "compose/hook.hpp.");
  } else if constexpr (!each_hook_mistake<P>(AllHooks()).empty()) {
    return each_hook_mistake<P>(AllHooks());
  } else if constexpr (!UnderContract<P> && Declared::count == 0) {
    return Sentence("policy ", type_name<P>(), " of extension axis ", P::slot::name,
                    " takes no part in the step; add `using hooks = "
                    "gradus::Hooks<gradus::hook::...>;` and the members that it names.");
  } else {
    return {};
  }
}

}  // namespace detail

/// Which of `Ps`, by number, have hook `H`, in the order in which they are called.
template <class H, class... Ps>
consteval auto hook_order() {
  constexpr std::size_t count = (detail::hooks_of<Ps>::template times<H> + ... + 0);
  const std::array<bool, sizeof...(Ps)> has{(detail::hooks_of<Ps>::template times<H> > 0)...};
  const std::array<Phase, sizeof...(Ps)> phases{detail::hooks_of<Ps>::template phase<H>()...};
  std::array<std::size_t, count> order{};
  std::size_t filled = 0;
  for (const auto phase : {Phase::first, Phase::early, Phase::normal, Phase::late, Phase::last}) {
    for (std::size_t i = 0; i < sizeof...(Ps); ++i) {
      if (has[i] && phases[i] == phase) order[filled++] = i;
    }
  }
  return order;
}

}  // namespace gradus
