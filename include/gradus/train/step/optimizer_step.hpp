/// One optimizer step of a model, from its gradients to the updated weights. Included by
/// train/step/model_step.hpp.
#pragma once

#include <gradus/train/step/model_step.hpp>

#include <ATen/ops/_foreach_mul.h>

namespace gradus {

template <class M, class Policies>
bool ModelStep<M, Policies>::step(const Rates& rates, const StepContext& context, double correction,
                                  const LossMeter& meter, const LossPlace& place) {
  check_own_weights("trained");
  bool finite = true;
  if constexpr (Traits::has_scaler) {
    if (auto* scaler = this->scaler()) {
      scaler->unscale(gradients_of(parameters_));
      if (!device_steps_) finite = !scaler->found_inf();
    }
  }
  if (correction != 1) at::_foreach_mul_(gradients_of(parameters_), correction);
  finite = finite && guard_.allows_step(parameters_, meter, place);
  if constexpr (PolicyAt<slot::clipping>::clips) {
    if (finite) at<slot::clipping>().clip(gradients_of(parameters_));
  }
  if (finite) {
    update(rates, context);
  } else {
    guard_.restore_buffers();
  }
  if constexpr (Traits::has_scaler) {
    if (auto* scaler = this->scaler()) scaler->update();
  }
  return finite;
}

template <class M, class Policies>
void ModelStep<M, Policies>::update(const Rates& rates, const StepContext& context) {
  auto& state = this->template state<slot::optimizer>();
  states_.template call<hook::before_step>(policies_, context);
  states_.template around<hook::around_step>(policies_, context, [&] {
    if constexpr (Traits::can_step_on_device) {
      if (device_steps_) {
        const auto found_inf = void_step();
        at<slot::optimizer>().step_on_device(state, rates, device_steps_->rate(), found_inf);
        device_steps_->advance(found_inf);
        return share_weights();
      }
    }
    at<slot::optimizer>().step(state, rates);
    share_weights();
  });
  states_.template call<hook::after_step>(policies_, context);
}

}  // namespace gradus
