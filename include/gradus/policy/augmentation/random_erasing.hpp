/// A rectangle of the image taken away, after any other augmentation.
#pragma once

#include <gradus/compose/field.hpp>
#include <gradus/core/random.hpp>
#include <gradus/policy/augmentation/concept.hpp>
#include <gradus/policy/augmentation/no_augmentation.hpp>

#include <cmath>
#include <cstdint>
#include <limits>

namespace gradus {

/// When to use: images, runs long enough to overfit: `RandomErasing<CropFlip>`; the numbers of the
/// other are called `first.padding` and so on.
///
/// A rectangle of random area and form becomes the mean colour, which is 0 after normalisation. It
/// lies within a square of `side` pixels. Source: Zhong et al. 2020, algorithm 1, with a mean
/// value; defaults of torchvision's RandomErasing, but for the largest ratio, which is 1 / 0.3 as
/// in timm, not 3.3.
template <AugmentationPolicy First = NoAugmentation>
struct RandomErasing {
  using slot = slot::augmentation;
  static constexpr FixedName full_name{"RandomErasing<", First::name, ">"};
  static constexpr std::string_view name = full_name;
  static constexpr bool varies = true;

  double probability = 0.5;
  double min_area = 0.02;
  double max_area = 0.33;
  double min_ratio = 0.3;
  std::int64_t side = 32;
  First first{};

  static constexpr auto fields() {
    return fields_of(
        field("probability", &RandomErasing::probability, between(0, 1),
              "of an image to be erased"),
        field("min_area", &RandomErasing::min_area, Range{0, 1, true, false}, "of the image"),
        field("max_area", &RandomErasing::max_area, Range{0, 1, true, false}, "of the image"),
        field("min_ratio", &RandomErasing::min_ratio, Range{0, 1, true, false},
              "height over width; the largest is its inverse"),
        field("side", &RandomErasing::side, between(1, 4096), "of the images, pixels"),
        fields_of_part("first", &RandomErasing::first));
  }

  [[nodiscard]] constexpr std::string_view mistake() const {
    return min_area > max_area ? "min_area must not be above max_area" : "";
  }

  [[nodiscard]] ImageTransform draw(const SampleKey& key) const {
    auto transform = first.draw(key);
    Random random(mix(key.seed, key.epoch, key.index, std::uint64_t{0x657261736572}));
    const auto uniform = [&](double low, double high) {
      const auto unit = static_cast<double>(random() >> 11U) * 0x1p-53;
      return low + (high - low) * unit;
    };
    if (uniform(0, 1) >= probability) return transform;
    for (int attempt = 0; attempt < 10; ++attempt) {
      const double area = uniform(min_area, max_area) * static_cast<double>(side * side);
      const double ratio = std::exp(uniform(std::log(min_ratio), -std::log(min_ratio)));
      const auto height = std::llround(std::sqrt(area * ratio));
      const auto width = std::llround(std::sqrt(area / ratio));
      if (height < 1 || width < 1 || height >= side || width >= side) continue;
      transform.erased = {.top = random.below(side - height + 1),
                          .left = random.below(side - width + 1),
                          .height = height,
                          .width = width};
      break;
    }
    return transform;
  }
};
static_assert(AugmentationPolicy<RandomErasing<>>);

}  // namespace gradus
