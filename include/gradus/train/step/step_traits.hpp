/// What the policies of a trainer mean for its step, found when it is compiled.
#pragma once

#include <gradus/compose/averaging_mistakes.hpp>
#include <gradus/compose/hook.hpp>
#include <gradus/compose/slot.hpp>
#include <gradus/policy/schedule/concept.hpp>
#include <gradus/train/step/policy_states.hpp>

#include <type_traits>
#include <utility>

namespace gradus {

/// What a set of policies means for the step, known at compile time: whether it scales gradients,
/// averages, captures or distributes.
template <class Policies>
struct StepTraits {
  template <class Slot>
  using PolicyAt = std::remove_cvref_t<decltype(std::declval<Policies&>().template at<Slot>())>;
  using Precision = PolicyAt<slot::precision>;
  using States = PolicyStates<Policies>;

  static constexpr bool has_scaler =
      !std::is_null_pointer_v<decltype(std::declval<const Precision&>().scaler(
          std::declval<typename Precision::State&>()))>;
  static constexpr bool averages = PolicyAt<slot::averaging>::averages_weights;
  /// Whether those are the optimizer's own.
  static constexpr bool averages_of_optimizer = uses_optimizer_averages<PolicyAt<slot::averaging>>;
  static constexpr bool captures = PolicyAt<slot::execution>::captures;
  /// Whether several processes may share the work.
  static constexpr bool distributes = PolicyAt<slot::distribution>::distributes;
  /// Whether the loss says how many answers are right.
  static constexpr bool counts_correct = requires { &PolicyAt<slot::loss>::correct; };

  /// Whether a step can be skipped on the device, without the host knowing: hooks and averages
  /// must know.
  static constexpr bool can_skip_on_device =
      has_scaler && requires { &PolicyAt<slot::optimizer>::step_on_device; } && !averages &&
      PureSchedulePolicy<PolicyAt<slot::schedule>> && !States::template has<hook::before_step> &&
      !States::template has<hook::around_step> && !States::template has<hook::after_step>;
  /// Whether rates may come from the device.
  static constexpr bool can_step_on_device =
      can_skip_on_device || (captures && requires { &PolicyAt<slot::optimizer>::step_on_device; });
};

}  // namespace gradus
