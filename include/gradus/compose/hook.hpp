/// Hooks: the places of a step where a policy of any axis can take part, each with its exact
/// signature. No torch header is needed here.
#pragma once

#include <gradus/compose/contract.hpp>
#include <gradus/compose/refusal.hpp>
#include <gradus/compose/tensor_fwd.hpp>

#include <string_view>
#include <tuple>
#include <type_traits>

namespace gradus {

/// When a hook runs among others at the same place; equals run in canonical order of their axes.
enum class Phase { first, early, normal, late, last };

namespace detail {

/// Signature of a hook of `P`: with the policy's run state in front, if it has one.
template <class P, class... Arguments>
struct HookType {
  using type = void (P::*)(Arguments...) const;
};
template <class P, class... Arguments>
  requires(!std::is_empty_v<state_of<P>>)
struct HookType<P, Arguments...> {
  using type = void (P::*)(state_of<P>&, Arguments...) const;
};
template <class P, class... Arguments>
using hook_type = typename HookType<P, Arguments...>::type;

/// A batch of any form, for what it is known only where the data is.
template <class P, class B>
consteval bool takes_batch(void (P::*)(B&, const StepContext&) const) {
  return std::is_empty_v<state_of<P>> && !std::is_const_v<B>;
}
template <class P, class B>
consteval bool takes_batch(void (P::*)(state_of<P>&, B&, const StepContext&) const) {
  return !std::is_const_v<B>;
}

/// A policy whose hook takes batches of another form than those of the dataset.
template <class P, class B>
struct HookBatchMistake {
  static constexpr Sentence sentence{"the hook before_forward of policy ",
                                     type_name<P>(),
                                     " of axis ",
                                     P::slot::name,
                                     " does not take batches ",
                                     type_name<B>(),
                                     "; let it take `",
                                     type_name<B>(),
                                     "&`."};
};

template <class P, class R>
consteval bool takes_context(R (P::*)(const StepContext&) const) {
  return !std::is_void_v<R>;
}
template <class P, class R>
consteval bool takes_context(R (P::*)(state_of<P>&, const StepContext&) const) {
  return !std::is_void_v<R>;
}

}  // namespace detail

/// A policy takes part by a member of the hook's name and by naming the hook: `using hooks =
/// Hooks<hook::before_step>`. If the policy has run state, `State& state` comes before the
/// arguments given here. `call` and `present` are for the trainer.
namespace hook {

/// `void before_forward(Batch& batch, const StepContext& context) const`: once per micro-batch,
/// before its resolution and layout. The batch, of the form that the dataset makes, may be changed.
struct before_forward {
  static constexpr std::string_view name = "before_forward";
  static constexpr std::string_view parameters = "gradus::Batch& batch, ";
  template <class P>
  static constexpr bool present = requires { &P::before_forward; };
  template <class P>
  static constexpr bool fits = requires { requires detail::takes_batch<P>(&P::before_forward); };
  template <class P, class... Arguments>
  static void call(const P& policy, Arguments&... arguments) {
    if constexpr (requires { policy.before_forward(arguments...); }) {
      policy.before_forward(arguments...);
    } else {
      using B = std::tuple_element_t<sizeof...(Arguments) - 2, std::tuple<Arguments...>>;
      [[maybe_unused]] const Says<detail::HookBatchMistake<P, B>> refusal;
    }
  }
};

/// `auto around_forward(const StepContext& context) const`: returns an object that lives for the
/// forward pass and the loss of one micro-batch. Those of later phases end first.
struct around_forward {
  static constexpr std::string_view name = "around_forward";
  static constexpr std::string_view parameters = "";
  template <class P>
  static constexpr bool present = requires { &P::around_forward; };
  template <class P>
  static constexpr bool fits = requires { requires detail::takes_context<P>(&P::around_forward); };
  static auto call(const auto& policy, auto&... arguments) {
    return policy.around_forward(arguments...);
  }
};

/// `void before_backward(at::Tensor& loss, const StepContext& context) const`: once per
/// micro-batch. `loss` [] is the mean over the micro-batch, float32, neither weighted nor scaled;
/// terms may be added.
struct before_backward {
  static constexpr std::string_view name = "before_backward";
  static constexpr std::string_view parameters = "at::Tensor& loss, ";
  template <class P>
  static constexpr bool present = requires { &P::before_backward; };
  template <class P>
  static constexpr bool fits = requires {
    static_cast<detail::hook_type<P, at::Tensor&, const StepContext&>>(&P::before_backward);
  };
  static void call(const auto& policy, auto&... arguments) { policy.before_backward(arguments...); }
};

/// `void before_step(const StepContext& context) const`: once per optimizer step that will be
/// taken, when the gradients of the window are whole, unscaled and finite. They may be changed in
/// place.
struct before_step {
  static constexpr std::string_view name = "before_step";
  static constexpr std::string_view parameters = "";
  template <class P>
  static constexpr bool present = requires { &P::before_step; };
  template <class P>
  static constexpr bool fits =
      requires { static_cast<detail::hook_type<P, const StepContext&>>(&P::before_step); };
  static void call(const auto& policy, auto&... arguments) { policy.before_step(arguments...); }
};

/// `auto around_step(const StepContext& context) const`: returns an object that lives for the
/// optimizer's step. Those of later phases end first.
struct around_step {
  static constexpr std::string_view name = "around_step";
  static constexpr std::string_view parameters = "";
  template <class P>
  static constexpr bool present = requires { &P::around_step; };
  template <class P>
  static constexpr bool fits = requires { requires detail::takes_context<P>(&P::around_step); };
  static auto call(const auto& policy, auto&... arguments) {
    return policy.around_step(arguments...);
  }
};

/// `void after_step(const StepContext& context) const`: once per optimizer step that was taken,
/// before the gradients are cleared.
struct after_step {
  static constexpr std::string_view name = "after_step";
  static constexpr std::string_view parameters = "";
  template <class P>
  static constexpr bool present = requires { &P::after_step; };
  template <class P>
  static constexpr bool fits =
      requires { static_cast<detail::hook_type<P, const StepContext&>>(&P::after_step); };
  static void call(const auto& policy, auto&... arguments) { policy.after_step(arguments...); }
};

}  // namespace hook

/// A hook in another phase than `Phase::normal`: `Hooks<At<hook::before_step, Phase::late>>`.
template <class Hook, Phase When = Phase::normal>
struct At {
  using hook = Hook;
  static constexpr Phase phase = When;
};

/// The hooks of a policy: `using hooks = Hooks<hook::before_step, hook::after_step>;`.
template <class... Hs>
struct Hooks {};

/// All there are, in the order of a step.
using AllHooks = Hooks<hook::before_forward, hook::around_forward, hook::before_backward,
                       hook::before_step, hook::around_step, hook::after_step>;

}  // namespace gradus
