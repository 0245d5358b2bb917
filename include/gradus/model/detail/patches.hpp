/// The patches that a convolution sees, as rows of a matrix, and back.
#pragma once

#include <gradus/model/detail/channel_loops.hpp>
#include <gradus/model/detail/for_chunks.hpp>

#include <ATen/core/Tensor.h>
#include <ATen/ops/empty.h>

#include <algorithm>
#include <cstdint>
#include <vector>

namespace gradus::detail {

/// Of a square kernel over images [N, C, H, W].
struct PatchShape {
  std::int64_t images, channels, height, width;
  std::int64_t kernel, stride, padding;

  [[nodiscard]] std::int64_t out_height() const {
    return (height + 2 * padding - kernel) / stride + 1;
  }
  [[nodiscard]] std::int64_t out_width() const {
    return (width + 2 * padding - kernel) / stride + 1;
  }
  [[nodiscard]] std::int64_t rows() const { return images * out_height() * out_width(); }
  [[nodiscard]] std::int64_t columns() const { return kernel * kernel * channels; }
};

/// x [N, C, H, W], channels side by side, to [rows, k * k * C]: one row an output pixel.
template <class T>
at::Tensor gather_patches(const PatchShape& shape, const at::Tensor& x) {
  auto patches = at::empty({shape.rows(), shape.columns()}, x.options());
  const T* from = x.const_data_ptr<T>();
  T* to = patches.mutable_data_ptr<T>();
  const auto per_image = shape.out_height() * shape.out_width() * shape.columns();
  for_chunks(shape.images, [&](std::int64_t first, std::int64_t last) {
    T* row = to + first * per_image;
    for (auto image = first; image < last; ++image) {
      const T* pixels = from + image * shape.height * shape.width * shape.channels;
      for (std::int64_t y = 0; y < shape.out_height(); ++y) {
        for (std::int64_t x_at = 0; x_at < shape.out_width(); ++x_at) {
          for (std::int64_t i = 0; i < shape.kernel; ++i) {
            const auto h = y * shape.stride + i - shape.padding;
            for (std::int64_t j = 0; j < shape.kernel; ++j, row += shape.channels) {
              const auto w = x_at * shape.stride + j - shape.padding;
              if (h < 0 || h >= shape.height || w < 0 || w >= shape.width) {
                std::fill_n(row, shape.channels, T(0.0F));
              } else {
                std::copy_n(pixels + (h * shape.width + w) * shape.channels, shape.channels, row);
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
  PatchShape shape;
  const T* patches;
  T* pixels;

  [[gnu::always_inline]] void operator()(std::int64_t image) const {
    const auto per_image = shape.out_height() * shape.out_width() * shape.columns();
    const T* rows = patches + image * per_image;
    T* pixel = pixels + image * shape.height * shape.width * shape.channels;
    std::vector<float> sum(static_cast<std::size_t>(shape.channels));
    for (std::int64_t h = 0; h < shape.height; ++h) {
      for (std::int64_t w = 0; w < shape.width; ++w, pixel += shape.channels) {
        std::fill(sum.begin(), sum.end(), 0.0F);
        for (std::int64_t i = 0; i < shape.kernel; ++i) {
          for (std::int64_t j = 0; j < shape.kernel; ++j) {
            const auto y = h + shape.padding - i;
            const auto x = w + shape.padding - j;
            if (y < 0 || x < 0 || y % shape.stride != 0 || x % shape.stride != 0) continue;
            if (y / shape.stride >= shape.out_height() || x / shape.stride >= shape.out_width()) {
              continue;
            }
            const auto row = y / shape.stride * shape.out_width() + x / shape.stride;
            add(sum.data(), rows + row * shape.columns() + (i * shape.kernel + j) * shape.channels);
          }
        }
        put(pixel, sum.data());
      }
    }
  }

 private:
  [[gnu::always_inline]] void add(float* sum, const T* values) const {
    for (std::int64_t c = 0; c < shape.channels; ++c) sum[c] += load(values[c]);
  }
  [[gnu::always_inline]] void put(T* to, const float* sum) const {
    for (std::int64_t c = 0; c < shape.channels; ++c) store(to[c], sum[c]);
  }
};

/// The adjoint of `gather_patches`: gradients of patches to those of pixels, summed in float32.
template <class T>
void scatter_patches(const PatchShape& shape, const at::Tensor& patches, const at::Tensor& x) {
  const PixelSums<T> sums{shape, patches.const_data_ptr<T>(), x.mutable_data_ptr<T>()};
  for_chunks(shape.images, [&](std::int64_t first, std::int64_t last) {
    for (auto image = first; image < last; ++image) run_wide(sums, image);
  });
}

}  // namespace gradus::detail
