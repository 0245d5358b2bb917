/// What Adam and AdamW have in common: all but their kernels.
#pragma once

#include <gradus/compose/field.hpp>
#include <gradus/core/rates.hpp>
#include <gradus/policy/optimizer/adam_state.hpp>
#include <gradus/policy/optimizer/decay.hpp>

#include <ATen/ops/_foreach_add.h>

#include <optional>
#include <string_view>

namespace gradus {

/// The numbers of `P`, whose weight decay is what `weight_decay` says.
template <class P>
constexpr auto adam_fields(std::string_view weight_decay) {
  return fields_of(field("lr", &P::lr, positive_float(), "learning rate"),
                   field("beta1", &P::beta1, fraction(), "decay of the first moment"),
                   field("beta2", &P::beta2, fraction(), "decay of the second moment"),
                   field("eps", &P::eps, positive(), "added to the root of the second moment"),
                   field("weight_decay", &P::weight_decay, at_least(0), weight_decay),
                   field("decay", &P::decay, "which parameters decay"));
}

/// One step of `policy` by `kernel`, which takes what LibTorch's fused kernels take. `Rate` is a
/// double, or a tensor on the device; `found_inf` [1] is 1 where the step is void.
template <class P, class Kernel, class Rate>
void adam_step(const P& policy, const Kernel& kernel, AdamState& state, const Rates& rates,
               const Rate& rate, const std::optional<at::Tensor>& found_inf) {
  for (const auto group : {ParameterGroup::weights, ParameterGroup::vectors}) {
    state.moments.moved(group).for_each([&](const MovedParameters<2>& moved) {
      const auto steps = state.count(moved);
      kernel(moved.parameters, moved.gradients, moved.moments[0], moved.moments[1],
             at::TensorList(), steps, rate, rates.momentum.value_or(policy.beta1), policy.beta2,
             decay_of(group, policy.decay, policy.weight_decay), policy.eps,
             /*amsgrad=*/false, /*maximize=*/false, /*grad_scale=*/std::nullopt, found_inf);
      if (found_inf) at::_foreach_add_(steps, found_inf->squeeze(), -1);
    });
  }
}

}  // namespace gradus
