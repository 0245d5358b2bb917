/// One channel of an image as float32 values, shifted, mirrored and erased on the way.
#pragma once

#include <gradus/core/image_transform.hpp>

#include <algorithm>
#include <array>
#include <cstdint>
#include <vector>

namespace gradus::data {

/// What each byte becomes.
using ByteTable = std::array<float, 256>;

/// `in` [height, width] to `out`, of the same form. Outside the image is black.
inline void write_plane(const std::uint8_t* in, float* out, std::int64_t height, std::int64_t width,
                        const ImageTransform& transform, const ByteTable& table) {
  const auto dy = transform.dy;
  const auto dx = transform.dx;
  const bool flip = transform.flip;
  // Columns of the shifted row [first, last) that lie inside the image; the others are black.
  const auto first = std::clamp<std::int64_t>(-dx, 0, width);
  const auto last = std::clamp<std::int64_t>(width - dx, first, width);
  for (std::int64_t y = 0; y < height; ++y, out += width) {
    const auto row = y + dy;
    if (row < 0 || row >= height || first == last) {
      std::fill_n(out, width, table[0]);
      continue;
    }
    const auto* pixels = in + row * width + first + dx;
    const auto inside = last - first;
    const auto before = flip ? width - last : first;
    auto* inner = std::fill_n(out, before, table[0]);
    if (flip) {
      for (std::int64_t x = 0; x < inside; ++x) inner[x] = table[pixels[inside - 1 - x]];
    } else {
      for (std::int64_t x = 0; x < inside; ++x) inner[x] = table[pixels[x]];
    }
    std::fill_n(inner + inside, width - before - inside, table[0]);
  }
}

/// For `write_padded_plane`: the column in which each pixel of a row is found. Empty for images
/// that `write_plane` serves, which are not shifted or padded with black.
[[nodiscard]] inline std::vector<std::int64_t> padded_columns(std::int64_t width,
                                                              const ImageTransform& transform) {
  std::vector<std::int64_t> columns;
  if (transform.padding_mode == PaddingMode::constant) return columns;
  if (transform.dy == 0 && transform.dx == 0) return columns;
  for (std::int64_t x = 0; x < width; ++x) {
    const auto shifted = (transform.flip ? width - 1 - x : x) + transform.dx;
    columns.push_back(source_pixel(shifted, width, transform.padding_mode));
  }
  return columns;
}

/// The same for padding that shows pixels of the image.
inline void write_padded_plane(const std::uint8_t* in, float* out, std::int64_t height,
                               const std::vector<std::int64_t>& columns,
                               const ImageTransform& transform, const ByteTable& table) {
  for (std::int64_t y = 0; y < height; ++y) {
    const auto row = source_pixel(y + transform.dy, height, transform.padding_mode);
    const auto* pixels = in + row * static_cast<std::int64_t>(columns.size());
    for (const auto column : columns) *out++ = table[pixels[column]];
  }
}

/// Writes 0 into the rectangle `erased` of `out` [height, width].
inline void erase(float* out, std::int64_t height, std::int64_t width,
                  const ImageRectangle& erased) {
  const auto bottom = std::min(height, erased.top + erased.height);
  const auto right = std::clamp<std::int64_t>(erased.left + erased.width, 0, width);
  for (auto y = std::max<std::int64_t>(erased.top, 0); y < bottom; ++y) {
    const auto left = std::clamp<std::int64_t>(erased.left, 0, right);
    std::fill(out + y * width + left, out + y * width + right, 0.0F);
  }
}

}  // namespace gradus::data
