/// Every image as it is: the neutral augmentation policy. Start one of your own from this.
#pragma once

#include <gradus/compose/field.hpp>
#include <gradus/policy/augmentation/concept.hpp>

namespace gradus {

/// Every image as the dataset has it, in every epoch: the neutral policy of its axis.
struct NoAugmentation {
  using slot = slot::augmentation;
  static constexpr std::string_view name = "NoAugmentation";
  static constexpr bool varies = false;
  static constexpr auto fields() { return no_fields; }

  [[nodiscard]] constexpr ImageTransform draw(const SampleKey&) const { return {}; }
};
static_assert(AugmentationPolicy<NoAugmentation>);

}  // namespace gradus
