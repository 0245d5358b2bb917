/// All axes of a trainer in canonical order, each with its neutral policy.
#pragma once

#include <gradus/policy/accumulation/no_accumulation.hpp>
#include <gradus/policy/augmentation/no_augmentation.hpp>
#include <gradus/policy/layout/contiguous.hpp>
#include <gradus/policy/loading/plain.hpp>
#include <gradus/policy/loss/cross_entropy.hpp>
#include <gradus/policy/optimizer/sgd.hpp>
#include <gradus/policy/precision/float32.hpp>
#include <gradus/policy/resolution/full_resolution.hpp>
#include <gradus/policy/schedule/constant.hpp>
#include <gradus/policy/sharing/no_sharing.hpp>
#include <gradus/train/composition.hpp>

namespace gradus {

using TrainerAxes = Axes<Axis<slot::precision, Float32>, Axis<slot::accumulation, NoAccumulation>,
                         Axis<slot::optimizer, SGD>, Axis<slot::schedule, Constant>,
                         Axis<slot::sharing, NoSharing>, Axis<slot::loading, Plain>,
                         Axis<slot::augmentation, NoAugmentation>, Axis<slot::layout, Contiguous>,
                         Axis<slot::resolution, FullResolution>, Axis<slot::loss, CrossEntropy>>;

}  // namespace gradus
