/// The resolution axis: at what size training images are seen. Evaluation is always at full size.
#pragma once

#include <gradus/core/slot.hpp>

#include <ATen/core/Tensor.h>

#include <concepts>

namespace gradus {

/// `resize(images, part)` returns images [N, C, h, w] made from [N, C, H, W]; `part` is the part of
/// the run's optimizer steps that is done, in [0, 1).
template <class P>
concept ResolutionPolicy = PolicyOf<P, slot::resolution> &&
    requires(const P& policy, const at::Tensor& images, double part) {
  { policy.resize(images, part) } -> std::same_as<at::Tensor>;
};

}  // namespace gradus
