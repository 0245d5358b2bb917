/// Convolutions as operators of autograd, whose parts are each computed the way that is chosen.
#pragma once

#include <gradus/kernel/convolution_call.hpp>
#include <gradus/kernel/convolution_choices.hpp>
#include <gradus/kernel/library_convolution.hpp>

#include <ATen/core/LegacyTypeDispatch.h>
#include <ATen/core/Tensor.h>
#include <ATen/core/grad_mode.h>
#include <ATen/record_function.h>
#include <torch/csrc/autograd/custom_function.h>

#include <array>
#include <optional>
#include <tuple>
#include <vector>

namespace gradus::kernel {

using Choices = c10::intrusive_ptr<ConvolutionChoices>;

inline Choices choices_in(torch::autograd::AutogradContext& context) {
  return c10::static_intrusive_pointer_cast<ConvolutionChoices>(
      context.saved_data["choices"].toCapsule());
}

struct Convolution : torch::autograd::Function<Convolution> {
  static at::Tensor forward(torch::autograd::AutogradContext* context, const at::Tensor& x,
                            const at::Tensor& weight, const std::optional<at::Tensor>& bias,
                            const ConvolutionCall& call, const Choices& choices) {
    context->save_for_backward({x, weight});
    context->saved_data["call"] = call.saved();
    context->saved_data["bias"] = bias.has_value();
    context->saved_data["choices"] = c10::IValue::make_capsule(choices);
    // An output that autograd knows as a view could not be changed in place.
    const at::AutoDispatchBelowADInplaceOrView no_views;
    return call.forward(*choices, x, weight, bias.value_or(at::Tensor()));
  }

  static torch::autograd::variable_list backward(torch::autograd::AutogradContext* context,
                                                 const torch::autograd::variable_list& gradients) {
    const auto saved = context->get_saved_variables();
    const auto& x = saved[0];
    const auto& weight = saved[1];
    const auto call =
        ConvolutionCall::restored(context->saved_data["call"].toIntVector(), weight.scalar_type());
    const std::array needed{context->needs_input_grad(0), context->needs_input_grad(1),
                            context->saved_data["bias"].toBool() && context->needs_input_grad(2)};
    torch::autograd::variable_list of(5);
    const auto dy = gradients[0].to(weight.scalar_type());
    if (at::GradMode::is_enabled()) {
      std::tie(of[0], of[1], of[2]) = library_gradients(call.shape, dy, x, weight, needed);
      return of;
    }
    RECORD_FUNCTION("gradus::convolution_backward", {});
    const auto choices = choices_in(*context);
    if (needed[0]) of[0] = call.input_gradient(*choices, dy, x, weight);
    if (needed[1]) of[1] = call.weight_gradient(*choices, dy, x, weight);
    if (needed[2]) of[2] = dy.sum(at::IntArrayRef{0, 2, 3});
    return of;
  }
};

/// The first convolution of a residual block, and what goes around it: a projection, or x itself.
/// The gradients of x from both are summed in place, a projection's where it is not zero.
struct BranchedConvolution : torch::autograd::Function<BranchedConvolution> {
  static torch::autograd::variable_list forward(torch::autograd::AutogradContext* context,
                                                const at::Tensor& x, const at::Tensor& weight,
                                                const ConvolutionCall& call,
                                                const std::optional<at::Tensor>& projection,
                                                const ConvolutionCall& projection_call,
                                                const Choices& choices) {
    context->save_for_backward({x, weight, projection.value_or(at::Tensor())});
    context->saved_data["call"] = call.saved();
    context->saved_data["projection_call"] = projection_call.saved();
    context->saved_data["choices"] = c10::IValue::make_capsule(choices);
    const at::AutoDispatchBelowADInplaceOrView no_views;
    return {call.forward(*choices, x, weight, {}),
            projection ? projection_call.forward(*choices, x, *projection, {}) : x};
  }

  static torch::autograd::variable_list backward(torch::autograd::AutogradContext* context,
                                                 const torch::autograd::variable_list& gradients) {
    const auto saved = context->get_saved_variables();
    const auto& x = saved[0];
    const auto& weight = saved[1];
    const auto& projection = saved[2];
    const auto type = weight.scalar_type();
    const auto call = ConvolutionCall::restored(context->saved_data["call"].toIntVector(), type);
    const auto around =
        ConvolutionCall::restored(context->saved_data["projection_call"].toIntVector(), type);
    const auto dy = gradients[0].to(type), dy_around = gradients[1].to(type);
    const bool of_x = context->needs_input_grad(0), of_weight = context->needs_input_grad(1);
    const bool of_projection = projection.defined() && context->needs_input_grad(2);
    torch::autograd::variable_list of(6);
    if (at::GradMode::is_enabled()) {
      at::Tensor around_x = dy_around;
      std::tie(of[0], of[1], std::ignore) =
          library_gradients(call.shape, dy, x, weight, {of_x, of_weight, false});
      if (projection.defined()) {
        std::tie(around_x, of[3], std::ignore) =
            library_gradients(around.shape, dy_around, x, projection, {of_x, of_projection, false});
      }
      if (of_x) of[0] = of[0].add(around_x);
      return of;
    }
    RECORD_FUNCTION("gradus::convolution_backward", {});
    const auto choices = choices_in(*context);
    if (of_x) {
      of[0] = call.input_gradient(*choices, dy, x, weight,
                                  projection.defined() ? at::Tensor() : dy_around);
      if (projection.defined()) {
        around.add_input_gradient(*choices, dy_around, x, projection, of[0]);
      }
    }
    if (of_weight) of[1] = call.weight_gradient(*choices, dy, x, weight);
    if (of_projection) of[3] = around.weight_gradient(*choices, dy_around, x, projection);
    return of;
  }
};

}  // namespace gradus::kernel
