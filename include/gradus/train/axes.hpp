/// All axes of a trainer in canonical order, each with its neutral policy.
#pragma once

#include <gradus/compose/composition.hpp>
#include <gradus/policy/accumulation/no_accumulation.hpp>
#include <gradus/policy/augmentation/no_augmentation.hpp>
#include <gradus/policy/averaging/no_averaging.hpp>
#include <gradus/policy/clipping/no_clipping.hpp>
#include <gradus/policy/distribution/single_process.hpp>
#include <gradus/policy/execution/eager.hpp>
#include <gradus/policy/freezing/no_freezing.hpp>
#include <gradus/policy/guard/guard.hpp>
#include <gradus/policy/initialization/as_made.hpp>
#include <gradus/policy/kernels/library_kernels.hpp>
#include <gradus/policy/layout/contiguous.hpp>
#include <gradus/policy/loading/plain.hpp>
#include <gradus/policy/loss/cross_entropy.hpp>
#include <gradus/policy/mixing/no_mixing.hpp>
#include <gradus/policy/optimizer/sgd.hpp>
#include <gradus/policy/precision/float32.hpp>
#include <gradus/policy/resolution/full_resolution.hpp>
#include <gradus/policy/sampling/shuffle.hpp>
#include <gradus/policy/schedule/constant.hpp>
#include <gradus/policy/sharing/no_sharing.hpp>
#include <gradus/policy/stopping/all_epochs.hpp>
#include <gradus/policy/task/supervised.hpp>

namespace gradus {

/// The axes of Trainer. A policy list that names none of an axis gets the neutral policy given
/// here.
using TrainerAxes =
    Axes<Axis<slot::precision, Float32>, Axis<slot::accumulation, NoAccumulation>,
         Axis<slot::optimizer, SGD>, Axis<slot::schedule, Constant>, Axis<slot::sharing, NoSharing>,
         Axis<slot::loading, Plain>, Axis<slot::augmentation, NoAugmentation>,
         Axis<slot::layout, Contiguous>, Axis<slot::resolution, FullResolution>,
         Axis<slot::loss, CrossEntropy>, Axis<slot::initialization, AsMade>,
         Axis<slot::mixing, NoMixing>, Axis<slot::clipping, NoClipping>,
         Axis<slot::averaging, NoAveraging>, Axis<slot::guard, Guard>,
         Axis<slot::stopping, AllEpochs>, Axis<slot::execution, Eager>,
         Axis<slot::task, Supervised>, Axis<slot::freezing, NoFreezing>,
         Axis<slot::sampling, Shuffle>, Axis<slot::kernels, LibraryKernels>,
         Axis<slot::distribution, SingleProcess>>;

}  // namespace gradus
