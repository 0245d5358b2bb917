/// Images of another size. No torch here.
#pragma once

#include <gradus/data/image_pixels.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace gradus::data {

namespace detail {

/// The pixels from `first` on of which one pixel of the result is the weighted sum.
struct ResizeTaps {
  std::int64_t first = 0;
  std::vector<float> weights;
};

/// A triangle around the middle of each of `to` pixels: as wide as two pixels of the source, or of
/// the result if those are wider.
inline std::vector<ResizeTaps> resize_taps(std::int64_t from, std::int64_t to) {
  const double scale = static_cast<double>(from) / static_cast<double>(to);
  const double reach = std::max(scale, 1.0);
  std::vector<ResizeTaps> taps(static_cast<std::size_t>(to));
  for (std::size_t k = 0; k < taps.size(); ++k) {
    const double middle = (static_cast<double>(k) + 0.5) * scale;
    const auto first = std::max<std::int64_t>(std::llround(std::floor(middle - reach + 0.5)), 0);
    const auto last = std::min<std::int64_t>(std::llround(std::floor(middle + reach + 0.5)), from);
    double sum = 0;
    std::vector<double> weights;
    for (auto at = first; at < last; ++at) {
      const double away = std::abs(static_cast<double>(at) + 0.5 - middle) / reach;
      weights.push_back(std::max(1 - away, 0.0));
      sum += weights.back();
    }
    taps[k].first = first;
    for (const auto weight : weights) taps[k].weights.push_back(static_cast<float>(weight / sum));
  }
  return taps;
}

}  // namespace detail

/// The image stretched to a size: bilinear, and smoothed where it becomes smaller, as Pillow's
/// `resize(size, BILINEAR)`, but in float32, so that a byte may differ by 1.
[[nodiscard]] inline ImagePixels resized(const ImagePixels& image, std::int64_t height,
                                         std::int64_t width) {
  if (image.height == height && image.width == width) return image;
  const auto channels = image.channels;
  const auto size = [](std::int64_t count) { return static_cast<std::size_t>(count); };
  std::vector<float> rows(size(image.height * width * channels));  // of the new width
  const auto across = detail::resize_taps(image.width, width);
  for (std::int64_t y = 0; y < image.height; ++y) {
    for (std::int64_t x = 0; x < width; ++x) {
      const auto& taps = across[size(x)];
      for (std::int64_t c = 0; c < channels; ++c) {
        const auto* from = &image.bytes[size((y * image.width + taps.first) * channels + c)];
        float sum = 0;
        for (std::size_t k = 0; k < taps.weights.size(); ++k) {
          sum += taps.weights[k] * static_cast<float>(from[k * size(channels)]);
        }
        rows[size((y * width + x) * channels + c)] = sum;
      }
    }
  }
  ImagePixels result{height, width, channels,
                     std::vector<std::uint8_t>(size(height * width * channels))};
  const auto down = detail::resize_taps(image.height, height);
  const auto stride = size(width * channels);
  std::vector<float> sums(stride);
  for (std::int64_t y = 0; y < height; ++y) {
    const auto& taps = down[size(y)];
    std::ranges::fill(sums, 0.5F);  // rounds
    for (std::size_t k = 0; k < taps.weights.size(); ++k) {
      const auto* from = &rows[(size(taps.first) + k) * stride];
      for (std::size_t x = 0; x < stride; ++x) sums[x] += taps.weights[k] * from[x];
    }
    auto* to = &result.bytes[size(y) * stride];
    for (std::size_t x = 0; x < stride; ++x) {
      to[x] = static_cast<std::uint8_t>(std::clamp(sums[x], 0.0F, 255.0F));
    }
  }
  return result;
}

/// The largest part around the middle that has the form of `height` x `width`.
[[nodiscard]] inline ImagePixels cropped(const ImagePixels& image, std::int64_t height,
                                         std::int64_t width) {
  auto rows = image.height;
  auto columns = image.width;
  if (rows * width > columns * height) {
    rows = std::max<std::int64_t>(columns * height / width, 1);
  } else {
    columns = std::max<std::int64_t>(rows * width / height, 1);
  }
  if (rows == image.height && columns == image.width) return image;
  ImagePixels result{rows, columns, image.channels, {}};
  for (std::int64_t y = 0; y < rows; ++y) {
    const auto row = (y + (image.height - rows) / 2) * image.width;
    const auto first = (row + (image.width - columns) / 2) * image.channels;
    const auto from = image.bytes.begin() + first;
    result.bytes.insert(result.bytes.end(), from, from + columns * image.channels);
  }
  return result;
}

}  // namespace gradus::data
