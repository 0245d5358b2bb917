/// The patches that a convolution sees, as rows of a matrix, and back.
#pragma once

#include <gradus/kernel/convolution_shape.hpp>
#include <gradus/kernel/elements.hpp>
#include <gradus/kernel/for_chunks.hpp>
#include <gradus/kernel/instruction_set.hpp>

#include <ATen/core/Tensor.h>
#include <ATen/ops/empty.h>

#include <algorithm>
#include <cstdint>
#include <vector>

namespace gradus::kernel {

/// x [N, C, H, W], channels side by side, to [rows, k * k * C]: one row an output pixel.
template <class T>
at::Tensor gather_patches(const ConvolutionShape& shape, const at::Tensor& x) {
  auto patches = at::empty({shape.out().pixels(), shape.patch()}, x.options());
  const auto out = shape.out();
  const T* from = x.const_data_ptr<T>();
  T* to = patches.mutable_data_ptr<T>();
  const auto per_image = out.height * out.width * shape.patch();
  for_chunks(shape.in.count, [&](std::int64_t first, std::int64_t last) {
    T* row = to + first * per_image;
    for (auto image = first; image < last; ++image) {
      const T* pixels = from + image * shape.in.height * shape.in.width * shape.in.channels;
      for (std::int64_t y = 0; y < out.height; ++y) {
        for (std::int64_t x_at = 0; x_at < out.width; ++x_at) {
          for (std::int64_t i = 0; i < shape.taps; ++i) {
            const auto h = y * shape.stride + i - shape.padding;
            for (std::int64_t j = 0; j < shape.taps; ++j, row += shape.in.channels) {
              const auto w = x_at * shape.stride + j - shape.padding;
              if (h < 0 || h >= shape.in.height || w < 0 || w >= shape.in.width) {
                std::fill_n(row, shape.in.channels, T(0.0F));
              } else {
                std::copy_n(pixels + (h * shape.in.width + w) * shape.in.channels,
                            shape.in.channels, row);
              }
            }
          }
        }
      }
    }
  });
  return patches;
}

/// One image of `scatter_patches`: each pixel sums what the patches that hold it say of it.
template <class T>
struct PixelSums {
  ConvolutionShape shape;
  const T* patches;
  T* pixels;

  [[gnu::always_inline]] void operator()(std::int64_t image) const {
    const auto out = shape.out();
    const auto per_image = out.height * out.width * shape.patch();
    const T* rows = patches + image * per_image;
    T* pixel = pixels + image * shape.in.height * shape.in.width * shape.in.channels;
    std::vector<float> sum(static_cast<std::size_t>(shape.in.channels));
    for (std::int64_t h = 0; h < shape.in.height; ++h) {
      for (std::int64_t w = 0; w < shape.in.width; ++w, pixel += shape.in.channels) {
        std::fill(sum.begin(), sum.end(), 0.0F);
        for (std::int64_t i = 0; i < shape.taps; ++i) {
          for (std::int64_t j = 0; j < shape.taps; ++j) {
            const auto y = h + shape.padding - i;
            const auto x = w + shape.padding - j;
            if (y < 0 || x < 0 || y % shape.stride != 0 || x % shape.stride != 0) continue;
            if (y / shape.stride >= out.height || x / shape.stride >= out.width) {
              continue;
            }
            const auto row = y / shape.stride * out.width + x / shape.stride;
            add(sum.data(), rows + row * shape.patch() + (i * shape.taps + j) * shape.in.channels);
          }
        }
        put(pixel, sum.data());
      }
    }
  }

 private:
  [[gnu::always_inline]] void add(float* sum, const T* values) const {
    for (std::int64_t c = 0; c < shape.in.channels; ++c) sum[c] += load(values[c]);
  }
  [[gnu::always_inline]] void put(T* to, const float* sum) const {
    for (std::int64_t c = 0; c < shape.in.channels; ++c) store(to[c], sum[c]);
  }
};

/// The adjoint of `gather_patches`: gradients of patches to those of pixels, summed in float32.
template <class T>
void scatter_patches(const ConvolutionShape& shape, const at::Tensor& patches,
                     const at::Tensor& x) {
  const PixelSums<T> sums{shape, patches.const_data_ptr<T>(), x.mutable_data_ptr<T>()};
  for_chunks(shape.in.count, [&](std::int64_t first, std::int64_t last) {
    run_wide([&](auto) __attribute__((always_inline)) {
      for (auto image = first; image < last; ++image) sums(image);
    });
  });
}

}  // namespace gradus::kernel
