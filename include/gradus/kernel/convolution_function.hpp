/// Convolutions as operators of autograd, whose parts are each computed the way that is chosen.
#pragma once

#include <gradus/kernel/convolution_call.hpp>
#include <gradus/kernel/convolution_choices.hpp>
#include <gradus/kernel/convolution_shape.hpp>

#include <ATen/core/LegacyTypeDispatch.h>
#include <ATen/core/Tensor.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/convolution_backward.h>
#include <ATen/record_function.h>
#include <torch/csrc/autograd/custom_function.h>

#include <array>
#include <cstdint>
#include <optional>
#include <tuple>
#include <vector>

namespace gradus::kernel {

using Choices = c10::intrusive_ptr<ConvolutionChoices>;

inline Choices choices_in(torch::autograd::AutogradContext& context) {
  return c10::static_intrusive_pointer_cast<ConvolutionChoices>(
      context.saved_data["choices"].toCapsule());
}

/// Gradients of input, weight and bias by LibTorch, which can be differentiated again.
inline std::tuple<at::Tensor, at::Tensor, at::Tensor> library_gradients(
    const ConvolutionShape& shape, const at::Tensor& dy, const at::Tensor& x,
    const at::Tensor& weight, const std::array<bool, 3>& needed) {
  const std::vector<std::int64_t> stride(2, shape.stride), padding(2, shape.padding), ones(2, 1),
      zeros(2, 0), bias{shape.out_channels};
  return at::convolution_backward(dy, x, weight,
                                  needed[2] ? at::OptionalIntArrayRef(bias) : std::nullopt, stride,
                                  padding, ones, /*transposed=*/false, zeros, /*groups=*/1, needed);
}

struct Convolution : torch::autograd::Function<Convolution> {
  static at::Tensor forward(torch::autograd::AutogradContext* context, const at::Tensor& x,
                            const at::Tensor& weight, const std::optional<at::Tensor>& bias,
                            const ConvolutionCall& call, const Choices& choices) {
    RECORD_FUNCTION("gradus::convolution", {});
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
/// The gradients of x from both are one, written once.
struct BranchedConvolution : torch::autograd::Function<BranchedConvolution> {
  static torch::autograd::variable_list forward(torch::autograd::AutogradContext* context,
                                                const at::Tensor& x, const at::Tensor& weight,
                                                const ConvolutionCall& call,
                                                const std::optional<at::Tensor>& projection,
                                                const ConvolutionCall& projection_call,
                                                const Choices& choices) {
    RECORD_FUNCTION("gradus::convolution", {});
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
    torch::autograd::variable_list of(6);
    if (at::GradMode::is_enabled()) {
      at::Tensor dx, of_x = dy_around, none;
      std::tie(dx, of[1], none) = library_gradients(call.shape, dy, x, weight, {true, true, false});
      if (projection.defined()) {
        std::tie(of_x, of[3], none) =
            library_gradients(around.shape, dy_around, x, projection, {true, true, false});
      }
      of[0] = dx + of_x;
      return of;
    }
    RECORD_FUNCTION("gradus::convolution_backward", {});
    const auto choices = choices_in(*context);
    const auto of_x = projection.defined()
                          ? around.input_gradient(*choices, dy_around, x, projection)
                          : dy_around;
    of[0] = call.input_gradient(*choices, dy, x, weight, of_x);
    if (context->needs_input_grad(1)) of[1] = call.weight_gradient(*choices, dy, x, weight);
    if (projection.defined() && context->needs_input_grad(2)) {
      of[3] = around.weight_gradient(*choices, dy_around, x, projection);
    }
    return of;
  }
};

}  // namespace gradus::kernel
