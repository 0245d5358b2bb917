/// One optimizer step of a model, from its losses to the updated weights. Included by
/// train/step/model_step.hpp.
#pragma once

#include <gradus/train/step/model_step.hpp>

#include <ATen/ops/_foreach_mul.h>

#include <type_traits>

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
  if constexpr (PolicyAt<slot::clipping>::clips) clip(finite);
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

/// Keeps the norm before, in one place for all graphs of captured steps.
template <class M, class Policies>
void ModelStep<M, Policies>::clip(bool finite) {
  const auto gradients = gradients_of(parameters_);
  if (gradients.empty()) return;
  const auto& policy = at<slot::clipping>();
  if constexpr (std::is_void_v<decltype(policy.clip(gradients))>) {
    if (measures_norm_) unclipped_norm_.copy_(gradus::gradient_norm(parameters_));
    if (finite) policy.clip(gradients);
  } else {
    unclipped_norm_.copy_(finite ? policy.clip(gradients) : gradus::gradient_norm(parameters_));
  }
}

template <class M, class Policies>
at::Tensor ModelStep<M, Policies>::gradient_norm() const {
  if constexpr (PolicyAt<slot::clipping>::clips) {
    using Result = decltype(at<slot::clipping>().clip({}));
    const bool measured = measures_norm_ || !std::is_void_v<Result>;
    return measured && !gradients_of(parameters_).empty() ? unclipped_norm_ : at::Tensor();
  } else {
    return gradus::gradient_norm(parameters_);
  }
}

template <class M, class Policies>
template <class Part>
void ModelStep<M, Policies>::backward(at::Tensor loss, const Part& part,
                                      const StepContext& context) {
  states_.template call<hook::before_backward>(policies_, loss, context);
  if constexpr (std::is_same_v<Part, double>) {
    if (part != 1) loss = loss * part;
  } else {
    loss = loss * part.to(loss.scalar_type());
  }
  if constexpr (Traits::has_scaler) {
    if (const auto* scaler = this->scaler()) loss = scaler->scale(loss);
  }
  loss.backward();
}

template <class M, class Policies>
at::Tensor ModelStep<M, Policies>::void_step() {
  if constexpr (Traits::has_scaler) {
    if (const auto* scaler = this->scaler()) return scaler->found_inf_flag();
  }
  return device_steps_->never();
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
