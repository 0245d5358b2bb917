/// One part of a convolution in a given way, over tensors whose channels lie side by side.
#pragma once

#include <gradus/kernel/algorithms.hpp>
#include <gradus/kernel/bfloat16_pass.hpp>
#include <gradus/kernel/bfloat16_weight_gradient.hpp>
#include <gradus/kernel/convolution_choices.hpp>
#include <gradus/kernel/convolution_pass.hpp>
#include <gradus/kernel/convolution_shape.hpp>
#include <gradus/kernel/library_convolution.hpp>
#include <gradus/kernel/micro_kernel.hpp>
#include <gradus/kernel/product.hpp>
#include <gradus/kernel/tiles.hpp>
#include <gradus/kernel/way.hpp>
#include <gradus/kernel/weight_gradient.hpp>

#include <ATen/core/Tensor.h>
#include <ATen/ops/empty.h>
#include <c10/core/ScalarType.h>
#include <c10/util/BFloat16.h>
#include <c10/util/intrusive_ptr.h>

#include <cstdint>
#include <tuple>

namespace gradus {

namespace kernel {

namespace detail {

inline at::Tensor images_like(const at::Tensor& x, const Images& images) {
  return at::empty({images.count, images.channels, images.height, images.width},
                   x.options().memory_format(at::MemoryFormat::ChannelsLast));
}

/// `body(Algorithm{}, T{})` for the tiles of `way` that fit `shape`, T the type of its elements.
template <class Body>
void with_algorithm(const ConvolutionShape& shape, ConvolutionWay way, c10::ScalarType type,
                    const Body& of_type) {
  const bool large = way == ConvolutionWay::large_tiles;
  if (type == c10::kBFloat16) {
    return large ? of_type(Stride1<4>{}, c10::BFloat16()) : of_type(Stride1<8>{}, c10::BFloat16());
  }
  const auto body = [&](auto algorithm) { of_type(algorithm, float()); };
  if (shape.taps == 1) {
    return shape.stride == 1 ? body(Pointwise<1>{}) : body(Pointwise<2>{});
  }
  if (shape.stride == 1) return large ? body(Stride1<4>{}) : body(Stride1<2>{});
  return large ? body(Stride2<4>{}) : body(Stride2<2>{});
}

template <class T>
Weights<T> weights_of(const at::Tensor& weight, bool turned) {
  return {weight.const_data_ptr<T>(), weight.size(0), weight.size(1), turned};
}

template <class T>
const T* data_of(const at::Tensor& tensor) {
  return tensor.defined() ? tensor.const_data_ptr<T>() : nullptr;
}

}  // namespace detail

/// y [N, O, H, W] of x [N, C, H, W] and weight [O, C, k, k], both with their channels side by side;
/// `bias` [O] may be undefined. `way` is one of `ways_for` their shape and type.
template <MicroKernel Kernel = LibraryMicroKernel>
at::Tensor convolve(ConvolutionWay way, const ConvolutionShape& shape, const at::Tensor& x,
                    const at::Tensor& weight, const at::Tensor& bias) {
  if (way == ConvolutionWay::library) return library_convolution(shape, x, weight, bias);
  if (way == ConvolutionWay::product) {
    auto y = product(shape, patches_of(shape, x), weight);
    return bias.defined() ? y.add_(bias.view({1, -1, 1, 1})) : y;
  }
  if (way == ConvolutionWay::blocks) {
    return convolve_by_blocks<Kernel>(shape, x, weight, bias);
  }
  auto y = detail::images_like(x, shape.out());
  detail::with_algorithm(shape, way, x.scalar_type(), [&]<class Algorithm, class T>(Algorithm, T) {
    ConvolutionPass(forward_tiles<Algorithm>(shape), x.const_data_ptr<T>(),
                    detail::weights_of<T>(weight, false),
                    Added<T>{.bias = detail::data_of<T>(bias)}, y.mutable_data_ptr<T>())
        .run();
  });
  return y;
}

/// Gradient [N, C, H, W] of the input from dy [N, O, H, W], plus `added` of its shape, if that is
/// defined; x gives LibTorch its form only.
template <MicroKernel Kernel = LibraryMicroKernel>
at::Tensor input_gradient(ConvolutionWay way, const ConvolutionShape& shape, const at::Tensor& dy,
                          const at::Tensor& x, const at::Tensor& weight,
                          const at::Tensor& added = {}) {
  const auto plus_added = [&](at::Tensor dx) { return added.defined() ? dx.add_(added) : dx; };
  if (way == ConvolutionWay::library) {
    return plus_added(std::get<0>(library_gradients(shape, dy, x, weight, {true, false, false})));
  }
  if (way == ConvolutionWay::product) {
    return plus_added(product_input_gradient(shape, dy, weight));
  }
  if (way == ConvolutionWay::blocks) {
    return plus_added(input_gradient_by_blocks<Kernel>(shape, dy, weight));
  }
  auto dx = detail::images_like(dy, shape.in);
  detail::with_algorithm(shape, way, dy.scalar_type(), [&]<class Algorithm, class T>(Algorithm, T) {
    ConvolutionPass(transposed_tiles<Algorithm>(shape), dy.const_data_ptr<T>(),
                    detail::weights_of<T>(weight, true),
                    Added<T>{.images = detail::data_of<T>(added)}, dx.mutable_data_ptr<T>())
        .run();
  });
  return dx;
}

/// Gradient [O, C, k, k] of the weights; weight gives LibTorch its form only.
template <MicroKernel Kernel = LibraryMicroKernel>
at::Tensor weight_gradient(ConvolutionWay way, const ConvolutionShape& shape, const at::Tensor& dy,
                           const at::Tensor& x, const at::Tensor& weight) {
  if (way == ConvolutionWay::library)
    return std::get<1>(library_gradients(shape, dy, x, weight, {false, true, false}));
  if (way == ConvolutionWay::product) {
    return product_weight_gradient(shape, dy, patches_of(shape, x));
  }
  if (way == ConvolutionWay::blocks) {
    return weight_gradient_by_blocks<Kernel>(shape, dy, x);
  }
  auto dw =
      at::empty(weight.sizes(), weight.options().memory_format(at::MemoryFormat::ChannelsLast));
  detail::with_algorithm(shape, way, x.scalar_type(), [&]<class Algorithm, class T>(Algorithm, T) {
    WeightGradient(forward_tiles<Algorithm>(shape), x.const_data_ptr<T>(), dy.const_data_ptr<T>(),
                   dw.mutable_data_ptr<T>())
        .run();
  });
  return dw;
}

}  // namespace kernel

/// What makes choices compiles the kernels, which takes seconds; nothing else does.
template <kernel::MicroKernel Kernel = kernel::LibraryMicroKernel>
c10::intrusive_ptr<ConvolutionChoices> convolution_choices(ConvolutionChoices::Rule rule,
                                                           ConvolutionWay pinned) {
  constexpr kernel::ConvolutionParts parts{
      &kernel::convolve<Kernel>, &kernel::input_gradient<Kernel>, &kernel::weight_gradient<Kernel>};
  return c10::make_intrusive<ConvolutionChoices>(parts, rule, pinned);
}

}  // namespace gradus
