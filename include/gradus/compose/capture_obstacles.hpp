/// Whether the policies of a trainer can be part of a captured step, found when it is compiled. No
/// torch header is needed here.
#pragma once

#include <gradus/compose/argument_mistakes.hpp>
#include <gradus/compose/hook.hpp>
#include <gradus/compose/hook_list.hpp>
#include <gradus/compose/policy_set.hpp>
#include <gradus/compose/refusal.hpp>
#include <gradus/compose/slot.hpp>

#include <string_view>
#include <type_traits>

namespace gradus {

namespace detail {

/// The first hook of `P` that runs within what is captured; `before_forward` comes before it.
template <class P>
consteval std::string_view captured_hook() {
  std::string_view found;
  const auto look = [&]<class H>(std::type_identity<H>) {
    if (found.empty() && hooks_of<P>::template times<H> > 0) found = H::name;
  };
  look(std::type_identity<hook::around_forward>());
  look(std::type_identity<hook::before_backward>());
  look(std::type_identity<hook::before_step>());
  look(std::type_identity<hook::around_step>());
  look(std::type_identity<hook::after_step>());
  return found;
}

template <class P>
consteval Sentence capture_obstacle() {
  const auto say = [](auto... words) {
    return Sentence("policy ", P::name, " of axis ", P::slot::name, " ", words...);
  };
  if constexpr (std::is_same_v<typename P::slot, slot::optimizer> &&
                !requires { &P::step_on_device; }) {
    return say("has no `step_on_device`, so that a graph would freeze its learning rate");
  } else if constexpr (requires { std::string_view(P::not_captured); }) {
    constexpr std::string_view why = P::not_captured;
    return why.empty() ? Sentence() : say("cannot be captured: ", why);
  } else if constexpr (!captured_hook<P>().empty()) {
    return say("has the hook `", captured_hook<P>(),
               "`, whose code on the host a replay would leave out; if it only enqueues the same "
               "work each time, say `static constexpr std::string_view not_captured = \"\"`");
  } else {
    return {};
  }
}

}  // namespace detail

/// The first policy of a PolicySet that cannot be captured, and why; empty if all can. A policy
/// says so itself by `static constexpr std::string_view not_captured = "<why>";`, and vouches for
/// its hooks by an empty one.
template <class Set>
struct CaptureObstacle;
template <class... Ps>
struct CaptureObstacle<PolicySet<Ps...>> {
  static constexpr Sentence sentence = first_mistake(detail::capture_obstacle<policy_t<Ps>>()...);
};

}  // namespace gradus
