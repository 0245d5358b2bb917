/// The augmentation axis: how each training image is varied from epoch to epoch.
#pragma once

#include <gradus/compose/contract.hpp>
#include <gradus/core/image_transform.hpp>

#include <array>

namespace gradus {

/// `draw(key)` gives the transform of one sample in one pass over the data: a pure function of
/// (seed, pass, index), so that neither the number of workers nor a resumed run changes it. A
/// policy whose `varies` is false is never asked, and goes with datasets that are not images.
template <class P>
struct Contract<slot::augmentation, P> {
  using Draw = ImageTransform (P::*)(const SampleKey&) const;

  static constexpr std::array members{
      Member{"varies", "static constexpr bool varies = true;", (requires { P::varies; }),
             (requires { static_cast<const bool*>(&P::varies); })},
      Member{"draw", "gradus::ImageTransform draw(const gradus::SampleKey& key) const",
             (requires { &P::draw; }), (requires { static_cast<Draw>(&P::draw); })},
  };
};

/// A policy of the augmentation axis: it has every member that `Contract<slot::augmentation, P>`
/// lists.
template <class P>
concept AugmentationPolicy = Fulfils<P, slot::augmentation>;

}  // namespace gradus
