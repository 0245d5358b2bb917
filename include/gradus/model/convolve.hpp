/// A convolution layer by the faster of two ways.
#pragma once

#include <gradus/kernel/choosing.hpp>
#include <gradus/kernel/convolution_shape.hpp>
#include <gradus/kernel/product.hpp>
#include <gradus/model/norm_relu.hpp>

#include <ATen/autocast_mode.h>
#include <ATen/record_function.h>
#include <torch/csrc/autograd/custom_function.h>
#include <torch/nn/modules/conv.h>

#include <cstdint>
#include <stdexcept>
#include <utility>
#include <variant>
#include <vector>

namespace gradus {

namespace detail {

inline kernel::ConvolutionShape shape_of(const torch::nn::Conv2dImpl& layer, const at::Tensor& x) {
  const auto* padding = std::get_if<torch::ExpandingArray<2>>(&layer.options.padding());
  return {{x.size(0), x.size(2), x.size(3), x.size(1)},
          layer.options.out_channels(),
          layer.options.kernel_size()->front(),
          layer.options.stride()->front(),
          padding ? (*padding)->front() : -1};
}

/// Square, plain, and faster as a matrix product.
inline bool pays_as_product(const torch::nn::Conv2dImpl& layer, const at::Tensor& x) {
  const auto& options = layer.options;
  const auto is_square = [](const torch::ExpandingArray<2>& pair) {
    return pair->front() == pair->back();
  };
  const auto* padding = std::get_if<torch::ExpandingArray<2>>(&options.padding());
  if (!has_channels_inside(x) || options.bias() || options.groups() != 1 || !padding ||
      !std::holds_alternative<torch::enumtype::kZeros>(options.padding_mode()) ||
      !is_square(options.kernel_size()) || !is_square(options.stride()) || !is_square(*padding) ||
      options.dilation()->front() != 1 || options.dilation()->back() != 1 ||
      x.size(1) != options.in_channels()) {
    return false;
  }
  return kernel::pays_as_product(shape_of(layer, x));
}

struct ConvolveAsProduct : torch::autograd::Function<ConvolveAsProduct> {
  static at::Tensor forward(torch::autograd::AutogradContext* context, const at::Tensor& x,
                            const at::Tensor& weight, const kernel::ConvolutionShape& shape) {
    RECORD_FUNCTION("gradus::convolve", {});
    const auto patches = kernel::patches_of(shape, x);
    context->save_for_backward({patches, weight});
    context->saved_data["shape"] = std::vector<std::int64_t>{
        shape.in.count,     shape.in.height, shape.in.width, shape.in.channels,
        shape.out_channels, shape.taps,      shape.stride,   shape.padding};
    return kernel::product(shape, patches, weight);
  }

  static torch::autograd::variable_list backward(torch::autograd::AutogradContext* context,
                                                 const torch::autograd::variable_list& gradients) {
    if (at::GradMode::is_enabled()) {
      throw std::logic_error(
          "gradus::convolve has no second derivative; for one, keep the model's memory contiguous "
          "(layout Contiguous).");
    }
    RECORD_FUNCTION("gradus::convolve_backward", {});
    const auto saved = context->get_saved_variables();
    const auto& weight = saved[1];
    const auto n = context->saved_data["shape"].toIntVector();
    const kernel::ConvolutionShape shape{{n[0], n[1], n[2], n[3]}, n[4], n[5], n[6], n[7]};
    const auto dy = gradients[0].to(weight.scalar_type());
    torch::autograd::variable_list of(3);
    if (context->needs_input_grad(0)) of[0] = kernel::product_input_gradient(shape, dy, weight);
    if (context->needs_input_grad(1)) {
      of[1] = kernel::product_weight_gradient(shape, dy, saved[0]);
    }
    return of;
  }
};

}  // namespace detail

/// `layer(x)`; x is [N, C, H, W].
///
/// On the CPU, where channels lie side by side and the maps are so small that LibTorch's
/// convolution is slower, the patches are gathered and multiplied as matrices: the same sums in
/// another order. That way can't be differentiated twice. Elsewhere, and where a kernels policy
/// chooses, it is the layer's own `forward`.
inline at::Tensor convolve(torch::nn::Conv2d& layer, const at::Tensor& x) {
  if (kernel::convolution_kernels() != nullptr || !detail::pays_as_product(*layer, x))
    return layer(x);
  auto weight = layer->weight;
  if (at::autocast::is_autocast_enabled(at::kCPU)) {
    weight =
        at::autocast::cached_cast(at::autocast::get_autocast_dtype(at::kCPU), weight, at::kCPU);
  }
  if (weight.scalar_type() != x.scalar_type()) return layer(x);
  return detail::ConvolveAsProduct::apply(x, weight, detail::shape_of(*layer, x));
}

/// What a residual block computes from its input: `first(x)` and, unless it is empty,
/// `projection(x)`, else x itself, which is not to be changed in place. Where a kernels policy
/// chooses, both are one operation, in which the gradients of x are summed in place.
inline kernel::Branches branches(torch::nn::Conv2d& first, torch::nn::Conv2d& projection,
                                 const at::Tensor& x) {
  const bool projects = !projection.is_empty();
  if (const auto* kernels = kernel::convolution_kernels()) {
    auto made = kernels->branches(x, *first, projects ? projection.get() : nullptr);
    if (made) return *std::move(made);
  }
  return {convolve(first, x), projects ? convolve(projection, x) : x};
}

}  // namespace gradus
