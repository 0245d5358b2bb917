/// The loading axis: in what portions and by whom training data is read.
#pragma once

#include <gradus/core/loading_plan.hpp>
#include <gradus/core/slot.hpp>

#include <concepts>

namespace gradus {

/// `plan()` says it in numbers; the data room does it. The plan never changes which samples a batch
/// holds, nor their augmentation: those depend on seed, epoch and index alone.
template <class P>
concept LoadingPolicy = PolicyOf<P, slot::loading> && requires(const P& policy) {
  { policy.plan() } -> std::same_as<LoadingPlan>;
};

}  // namespace gradus
