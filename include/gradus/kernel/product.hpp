/// A convolution as a matrix product with the patches that it sees.
#pragma once

#include <gradus/kernel/convolution_shape.hpp>
#include <gradus/kernel/elements.hpp>
#include <gradus/kernel/patches.hpp>

#include <ATen/core/Tensor.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/mm.h>

namespace gradus::kernel {

/// x [N, C, H, W], channels side by side, as patches [pixels, k * k * C].
inline at::Tensor patches_of(const ConvolutionShape& shape, const at::Tensor& x) {
  return with_element_type(x, [&]<class T>(T) { return gather_patches<T>(shape, x); });
}

/// Weights [O, C, k, k] as [O, k * k * C]; a view where their channels lie side by side.
inline at::Tensor as_matrix(const at::Tensor& weight) {
  return weight.permute({0, 2, 3, 1}).reshape({weight.size(0), -1});
}

/// Images [N, O, H, W] as [pixels, O], likewise.
inline at::Tensor as_rows(const at::Tensor& images) {
  return images.permute({0, 2, 3, 1}).reshape({-1, images.size(1)});
}

/// Outputs [N, O, H, W], channels side by side.
inline at::Tensor product(const ConvolutionShape& shape, const at::Tensor& patches,
                          const at::Tensor& weight) {
  const auto out = shape.out();
  return at::mm(patches, as_matrix(weight).t())
      .view({out.count, out.height, out.width, out.channels})
      .permute({0, 3, 1, 2});
}

/// Gradient [N, C, H, W] of the input, channels side by side.
inline at::Tensor product_input_gradient(const ConvolutionShape& shape, const at::Tensor& dy,
                                         const at::Tensor& weight) {
  const auto patches = at::mm(as_rows(dy), as_matrix(weight));
  auto dx = at::empty({shape.in.count, shape.in.channels, shape.in.height, shape.in.width},
                      weight.options().memory_format(at::MemoryFormat::ChannelsLast));
  with_element_type(patches, [&]<class T>(T) { scatter_patches<T>(shape, patches, dx); });
  return dx;
}

/// Gradient [O, C, k, k] of the weights, channels side by side.
inline at::Tensor product_weight_gradient(const ConvolutionShape& shape, const at::Tensor& dy,
                                          const at::Tensor& patches) {
  return at::mm(as_rows(dy).t(), patches)
      .view({shape.out_channels, shape.taps, shape.taps, shape.in.channels})
      .permute({0, 3, 1, 2});
}

}  // namespace gradus::kernel
