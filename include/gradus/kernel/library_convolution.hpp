/// A convolution and its gradients by LibTorch, past what is at fault there.
#pragma once

#include <gradus/kernel/convolution_shape.hpp>
#include <gradus/kernel/panel_product.hpp>
#include <gradus/kernel/way.hpp>

#include <ATen/core/Tensor.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/convolution.h>
#include <ATen/ops/convolution_backward.h>
#include <c10/core/ScalarType.h>

#include <array>
#include <cstdint>
#include <optional>
#include <tuple>

namespace gradus::kernel {

/// Whether LibTorch computes this gradient of weights over contiguous memory only: with channels
/// side by side its operator did not return on some processors (LibTorch 2.11).
inline bool wants_contiguous(const ConvolutionShape& shape) {
  return shape.taps == 1 && shape.stride > 1 && shape.in.channels < panel;
}

/// Whether LibTorch may multiply memory that it has not written by zero in this part, so that
/// numbers which lay there make it NaN (LibTorch 2.11 and 2.15): gradients of weights on AVX-512,
/// and with AMX the forward pass too.
inline bool reads_stale_memory(const ConvolutionShape& shape, c10::ScalarType type,
                               ConvolutionPart part) {
  if (type != c10::kBFloat16 || shape.taps == 1 || shape.stride == 1) return false;
  if (part == ConvolutionPart::forward) return shape.out().width == 1;
  return part == ConvolutionPart::weight_gradient && shape.in.width < shape.stride;
}

/// y [N, O, H, W] of x [N, C, H, W] and weight [O, C, k, k]; `bias` [O] may be undefined.
inline at::Tensor library_convolution(const ConvolutionShape& shape, const at::Tensor& x,
                                      const at::Tensor& weight, const at::Tensor& bias) {
  const std::array<std::int64_t, 2> stride{shape.stride, shape.stride};
  const std::array<std::int64_t, 2> padding{shape.padding, shape.padding};
  const std::array<std::int64_t, 2> ones{1, 1}, zeros{0, 0};
  const bool widened = reads_stale_memory(shape, x.scalar_type(), ConvolutionPart::forward);
  const auto as_read = [&](const at::Tensor& tensor) {
    return widened && tensor.defined() ? tensor.to(c10::kFloat) : tensor;
  };
  return at::convolution(as_read(x), as_read(weight), as_read(bias), stride, padding, ones,
                         /*transposed=*/false, zeros, 1)
      .to(x.scalar_type());
}

/// Gradients of input, weight and bias by LibTorch, which can be differentiated again.
inline std::tuple<at::Tensor, at::Tensor, at::Tensor> library_gradients(
    const ConvolutionShape& shape, const at::Tensor& dy, const at::Tensor& x,
    const at::Tensor& weight, const std::array<bool, 3>& needed) {
  const std::array stride{shape.stride, shape.stride}, padding{shape.padding, shape.padding};
  const std::array<std::int64_t, 2> ones{1, 1}, zeros{0, 0};
  const std::array bias{shape.out_channels};
  const bool turned = needed[1] && wants_contiguous(shape);
  const auto type = dy.scalar_type();
  const bool widened =
      (needed[1] && reads_stale_memory(shape, type, ConvolutionPart::weight_gradient)) ||
      (at::GradMode::is_enabled() && reads_stale_memory(shape, type, ConvolutionPart::forward));
  const auto as_wanted = [&](const at::Tensor& tensor) {
    const auto wide = widened ? tensor.to(c10::kFloat) : tensor;
    return turned ? wide.contiguous() : wide;
  };
  auto [of_x, of_weight, of_bias] = at::convolution_backward(
      as_wanted(dy), as_wanted(x), as_wanted(weight),
      needed[2] ? at::OptionalIntArrayRef(bias) : std::nullopt, stride, padding, ones,
      /*transposed=*/false, zeros, /*groups=*/1, needed);
  const auto as_given = [&](const at::Tensor& tensor) {
    return widened && tensor.defined() ? tensor.to(type) : tensor;
  };
  return {as_given(of_x), as_given(of_weight), as_given(of_bias)};
}

}  // namespace gradus::kernel
