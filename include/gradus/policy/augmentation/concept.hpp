/// The augmentation axis: how each training image is varied from epoch to epoch.
#pragma once

#include <gradus/core/image_transform.hpp>
#include <gradus/core/slot.hpp>

#include <concepts>

namespace gradus {

/// `draw(key)` gives the transform of one sample in one epoch: a pure function of (seed, epoch,
/// index), so that neither the number of workers nor a resumed run changes it. A policy whose
/// `varies` is false is never asked, and goes with datasets that are not images.
template <class P>
concept AugmentationPolicy = PolicyOf<P, slot::augmentation> &&
    requires(const P& policy, const SampleKey& key) {
  { P::varies } -> std::convertible_to<bool>;
  { policy.draw(key) } -> std::same_as<ImageTransform>;
};

}  // namespace gradus
