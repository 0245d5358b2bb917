/// A convolution whose parts are each computed the way that is chosen for them.
#pragma once

#include <gradus/kernel/convolution.hpp>
#include <gradus/kernel/convolution_choices.hpp>
#include <gradus/kernel/convolution_shape.hpp>
#include <gradus/kernel/way.hpp>

#include <ATen/core/Tensor.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/convolution_backward.h>
#include <ATen/record_function.h>
#include <torch/csrc/autograd/custom_function.h>

#include <array>
#include <bit>
#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

namespace gradus::kernel {

/// One call: its shape, and whether outputs have their channels side by side.
struct ConvolutionCall {
  ConvolutionShape shape;
  c10::ScalarType type;
  bool channels_last;

  [[nodiscard]] ConvolutionCase of(ConvolutionPart part) const {
    const auto& in = shape.in;
    return {in.channels,
            shape.out_channels,
            in.height,
            in.width,
            shape.taps,
            shape.stride,
            shape.padding,
            static_cast<std::int64_t>(std::bit_floor(static_cast<std::uint64_t>(in.count))),
            type == c10::kFloat,
            channels_last,
            static_cast<std::int64_t>(part)};
  }

  template <class Run>
  at::Tensor run(ConvolutionChoices& choices, ConvolutionPart part, const Run& run) const {
    return choices.run(of(part), ways_for(shape, type), usual_way(shape, type, part), run);
  }
  /// `tensor` in the order that outputs have.
  [[nodiscard]] at::Tensor in_order(const at::Tensor& tensor) const {
    return channels_last ? tensor : tensor.contiguous();
  }
};

inline at::Tensor with_channels_inside(const at::Tensor& tensor) {
  return tensor.contiguous(at::MemoryFormat::ChannelsLast);
}

struct Convolution : torch::autograd::Function<Convolution> {
  using Choices = c10::intrusive_ptr<ConvolutionChoices>;

  static at::Tensor forward(torch::autograd::AutogradContext* context, const at::Tensor& x,
                            const at::Tensor& weight, const std::optional<at::Tensor>& bias_if_any,
                            const ConvolutionCall& call, const Choices& choices) {
    RECORD_FUNCTION("gradus::convolution", {});
    const auto bias = bias_if_any.value_or(at::Tensor());
    context->save_for_backward({x, weight});
    const auto& shape = call.shape;
    context->saved_data["shape"] = std::vector<std::int64_t>{
        shape.in.count, shape.in.height, shape.in.width, shape.in.channels, shape.out_channels,
        shape.taps,     shape.stride,    shape.padding,  call.channels_last};
    context->saved_data["bias"] = bias.defined();
    context->saved_data["choices"] = c10::IValue::make_capsule(choices);
    return call.run(*choices, ConvolutionPart::forward, [&](ConvolutionWay way) {
      if (way == ConvolutionWay::library) return convolve(way, shape, x, weight, bias);
      return call.in_order(
          convolve(way, shape, with_channels_inside(x), with_channels_inside(weight), bias));
    });
  }

  static torch::autograd::variable_list backward(torch::autograd::AutogradContext* context,
                                                 const torch::autograd::variable_list& gradients) {
    const auto saved = context->get_saved_variables();
    const auto& x = saved[0];
    const auto& weight = saved[1];
    const auto n = context->saved_data["shape"].toIntVector();
    const ConvolutionCall call{
        {{n[0], n[1], n[2], n[3]}, n[4], n[5], n[6], n[7]}, weight.scalar_type(), n[8] != 0};
    const std::array needed{context->needs_input_grad(0), context->needs_input_grad(1),
                            context->saved_data["bias"].toBool() && context->needs_input_grad(2)};
    torch::autograd::variable_list of(5);
    if (!gradients[0].defined()) return of;
    const auto dy = gradients[0].to(weight.scalar_type());
    if (at::GradMode::is_enabled()) {  // differentiated again: LibTorch knows how
      differentiable(call.shape, dy, x, weight, needed, of);
      return of;
    }
    RECORD_FUNCTION("gradus::convolution_backward", {});
    const auto choices = c10::static_intrusive_pointer_cast<ConvolutionChoices>(
        context->saved_data["choices"].toCapsule());
    const auto rows = with_channels_inside(dy);
    if (needed[0]) {
      of[0] = call.run(*choices, ConvolutionPart::input_gradient, [&](ConvolutionWay way) {
        if (way == ConvolutionWay::library) return input_gradient(way, call.shape, dy, x, weight);
        return call.in_order(
            input_gradient(way, call.shape, rows, x, with_channels_inside(weight)));
      });
    }
    if (needed[1]) {
      of[1] = call.run(*choices, ConvolutionPart::weight_gradient, [&](ConvolutionWay way) {
        if (way == ConvolutionWay::library) return weight_gradient(way, call.shape, dy, x, weight);
        return weight_gradient(way, call.shape, rows, with_channels_inside(x), weight)
            .contiguous(weight.suggest_memory_format());
      });
    }
    if (needed[2]) of[2] = dy.sum(at::IntArrayRef{0, 2, 3});
    return of;
  }

 private:
  static void differentiable(const ConvolutionShape& shape, const at::Tensor& dy,
                             const at::Tensor& x, const at::Tensor& weight,
                             const std::array<bool, 3>& needed,
                             torch::autograd::variable_list& of) {
    const std::vector<std::int64_t> stride(2, shape.stride), padding(2, shape.padding), ones(2, 1),
        zeros(2, 0), bias{shape.out_channels};
    std::tie(of[0], of[1], of[2]) = at::convolution_backward(
        dy, x, weight, needed[2] ? at::OptionalIntArrayRef(bias) : std::nullopt, stride, padding,
        ones, /*transposed=*/false, zeros, /*groups=*/1, needed);
  }
};

}  // namespace gradus::kernel
