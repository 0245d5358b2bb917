/// The word between an augmentation policy, which draws it, and an image dataset, which applies it.
#pragma once

#include <cstdint>

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

/// shifted(y, x) = input(y + dy, x + dx), black (byte 0, before normalisation) outside the image;
/// output(y, x) = flip ? shifted(y, W - 1 - x) : shifted(y, x); what is erased is 0 after
/// normalisation, the mean colour.
struct ImageTransform {
  std::int64_t dy = 0;  ///< rows; pixels come from `dy` rows further down
  std::int64_t dx = 0;  ///< columns; pixels come from `dx` columns further right
  bool flip = false;    ///< mirror left and right, after the shift
  ImageRectangle erased{};
};

}  // namespace gradus
