/// The word between an augmentation policy, which draws it, and an image dataset, which applies it.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <string_view>

namespace gradus {

/// Which sample, of which pass over the data: the whole key of its random draws.
struct SampleKey {
  std::uint64_t seed = 0;
  std::int64_t epoch = 0;  ///< the pass, from 0
  std::int64_t index = 0;  ///< position in the dataset, not in the shuffled order
};

/// Pixels [top, top + height) x [left, left + width) of the output; cut off at its border.
struct ImageRectangle {
  std::int64_t top = 0, left = 0, height = 0, width = 0;
};

/// The pixels that a shift brings in from outside the image: `constant`, black (byte 0, before
/// normalisation); `edge`, the nearest one inside; `reflect`, mirrored at the outermost ones, which
/// are not repeated. As in torchvision and numpy.
enum class PaddingMode : std::uint8_t { constant, edge, reflect };

constexpr std::array<std::string_view, 3> enum_names(PaddingMode) {
  return {"constant", "edge", "reflect"};
}

/// Where the pixel at `position` of a row or column of `size` is found: in [0, size), or -1 for a
/// black one.
[[nodiscard]] constexpr std::int64_t source_pixel(std::int64_t position, std::int64_t size,
                                                  PaddingMode mode) {
  if (position >= 0 && position < size) return position;
  if (mode == PaddingMode::constant) return -1;
  if (mode == PaddingMode::edge || size == 1) return position < 0 ? 0 : size - 1;
  const auto period = 2 * (size - 1);
  const auto place = (position % period + period) % period;
  return std::min(place, period - place);
}

/// shifted(y, x) = input(y + dy, x + dx), and outside the image what `padding_mode` says;
/// output(y, x) = flip ? shifted(y, W - 1 - x) : shifted(y, x); what is erased is 0 after
/// normalisation, the mean colour.
struct ImageTransform {
  std::int64_t dy = 0;  ///< rows; pixels come from `dy` rows further down
  std::int64_t dx = 0;  ///< columns; pixels come from `dx` columns further right
  bool flip = false;    ///< mirror left and right, after the shift
  ImageRectangle erased{};
  PaddingMode padding_mode = PaddingMode::constant;
};

}  // namespace gradus
