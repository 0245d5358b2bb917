/// Images, and convolutions over them, in numbers.
#pragma once

#include <cstdint>

namespace gradus::kernel {

/// Images [N, H, W, C], channels side by side.
struct Images {
  std::int64_t count, height, width, channels;

  /// Numbers of one image.
  [[nodiscard]] std::int64_t size() const { return height * width * channels; }
  /// Pixels of all.
  [[nodiscard]] std::int64_t pixels() const { return count * height * width; }

  friend bool operator==(const Images&, const Images&) = default;
};

/// Square filters over square steps, as a layer says.
struct ConvolutionShape {
  Images in;
  std::int64_t out_channels;
  std::int64_t taps, stride, padding;

  [[nodiscard]] std::int64_t outputs_over(std::int64_t length) const {
    return (length + 2 * padding - taps) / stride + 1;
  }
  [[nodiscard]] Images out() const {
    return {in.count, outputs_over(in.height), outputs_over(in.width), out_channels};
  }
  /// Whether there are pixels that it does not see, by its stride alone.
  [[nodiscard]] bool skips_pixels() const { return taps == 1 && stride > 1 && padding == 0; }
  /// The same filters over the map of pixels that it sees, if it skips some.
  [[nodiscard]] ConvolutionShape over_seen_pixels() const {
    const auto seen = out();
    return {{seen.count, seen.height, seen.width, in.channels}, out_channels, 1, 1, 0};
  }
  /// Numbers of the patch that an output pixel sees.
  [[nodiscard]] std::int64_t patch() const { return taps * taps * in.channels; }

  friend bool operator==(const ConvolutionShape&, const ConvolutionShape&) = default;
};

/// Whether maps are so small that LibTorch's convolution is slower than a matrix product of all
/// patches (docs/performance.md).
inline bool pays_as_product(const ConvolutionShape& shape) {
  if (shape.taps == 1) return shape.stride > 1;
  const auto out = shape.out();
  const auto pixels = out.height * out.width;
  return pixels > 0 && pixels <= (shape.stride > 1 ? 16 : 4);
}

}  // namespace gradus::kernel
