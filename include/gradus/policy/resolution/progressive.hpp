/// Small images first, full size at the end.
#pragma once

#include <gradus/compose/field.hpp>
#include <gradus/error.hpp>
#include <gradus/policy/resolution/concept.hpp>

#include <ATen/ops/_upsample_bilinear2d_aa.h>
#include <c10/util/StringUtil.h>

#include <algorithm>
#include <cmath>
#include <cstdint>

namespace gradus {

/// When to use: a network that pools globally. Half the side costs about a quarter of the
/// arithmetic, and the coarse features are learned as well from small images.
///
/// The side is `initial_scale` of the full one for the first `delay_fraction` of the steps, then
/// grows linearly, rounded to `multiple` pixels, and is full for the last `finetune_fraction`.
/// Bilinear with antialiasing. Source: Howard 2018 (fast.ai, DAWNBench); the numbers are those of
/// MosaicML Composer's ProgressiveResizing.
struct Progressive {
  using slot = slot::resolution;
  static constexpr std::string_view name = "Progressive";

  double initial_scale = 0.5;
  double delay_fraction = 0.5;
  double finetune_fraction = 0.2;
  std::int64_t multiple = 4;

  static constexpr auto fields() {
    return fields_of(field("initial_scale", &Progressive::initial_scale, Range{0, 1, true, false},
                           "first side over full side"),
                     field("delay_fraction", &Progressive::delay_fraction, between(0, 1),
                           "part of the steps at the first side"),
                     field("finetune_fraction", &Progressive::finetune_fraction, between(0, 1),
                           "last part of the steps, at full side"),
                     field("multiple", &Progressive::multiple, at_least(1),
                           "sides are multiples of this, pixels"));
  }

  /// Pixels of a side whose full length is `full`.
  [[nodiscard]] std::int64_t side(std::int64_t full, double part) const {
    const double growing = 1 - delay_fraction - finetune_fraction;
    const double grown = part >= 1 - finetune_fraction ? 1
                         : part < delay_fraction
                             ? 0
                             : (part - delay_fraction) / std::max(growing, 1e-9);
    if (grown >= 1) return full;
    const double scale = initial_scale + (1 - initial_scale) * grown;
    const auto units =
        std::llround(scale * static_cast<double>(full) / static_cast<double>(multiple));
    return std::clamp<std::int64_t>(units * multiple, std::min(multiple, full), full);
  }

  /// Throws DataError for inputs that are not [N, C, H, W].
  [[nodiscard]] at::Tensor resize(const at::Tensor& images, double part) const {
    if (images.dim() != 4) {
      throw DataError(
          "policy Progressive of axis resolution takes images [N, C, H, W], but the input is " +
          c10::str(images.sizes()) + "; leave it out, or choose FullResolution.");
    }
    const auto height = side(images.size(2), part);
    const auto width = side(images.size(3), part);
    if (height == images.size(2) && width == images.size(3)) return images;
    return at::_upsample_bilinear2d_aa(images, {height, width}, /*align_corners=*/false);
  }
};
static_assert(ResolutionPolicy<Progressive>);

}  // namespace gradus
