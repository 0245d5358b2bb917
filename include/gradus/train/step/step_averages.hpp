/// The averages that a run is evaluated with: those of the averaging policy, or of the optimizer.
#pragma once

#include <gradus/compose/averaging_mistakes.hpp>
#include <gradus/compose/slot.hpp>
#include <gradus/core/step_context.hpp>
#include <gradus/train/step/policy_states.hpp>
#include <gradus/train/step/step_traits.hpp>

#include <vector>

namespace gradus {

/// Of each parameter; nothing where there are none, or none yet. Those of an optimizer are computed
/// by each call, in memory of their own.
template <class Policies>
std::vector<at::Tensor> averages_of(const Policies& policies,
                                    const PolicyStates<Policies>& states) {
  using Traits = StepTraits<Policies>;
  if constexpr (Traits::averages_of_optimizer) {
    return policies.template at<slot::optimizer>().averages(states.template at<slot::optimizer>());
  } else if constexpr (Traits::averages) {
    return policies.template at<slot::averaging>().averages(states.template at<slot::averaging>());
  } else {
    return {};
  }
}

/// After an optimizer step that was taken.
template <class Policies>
void update_averages([[maybe_unused]] const Policies& policies,
                     [[maybe_unused]] PolicyStates<Policies>& states,
                     [[maybe_unused]] const StepContext& context) {
  using Traits = StepTraits<Policies>;
  if constexpr (Traits::averages && !Traits::averages_of_optimizer) {
    policies.template at<slot::averaging>().update(states.template at<slot::averaging>(), context);
  }
}

}  // namespace gradus
