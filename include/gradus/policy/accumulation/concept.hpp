/// The accumulation axis: how many micro-batches make one optimizer step.
#pragma once

#include <gradus/core/slot.hpp>

#include <concepts>
#include <cstdint>

namespace gradus {

/// `micro_batches()` is the number of backward passes per optimizer step, at least 1. Each pass is
/// weighted by its samples over the samples of the window, so that the sum is the mean over the
/// window, a short last window and a short last batch included. Batch norm sees each micro-batch on
/// its own.
template <class P>
concept AccumulationPolicy = PolicyOf<P, slot::accumulation> && requires(const P& policy) {
  { policy.micro_batches() } -> std::same_as<std::int64_t>;
};

}  // namespace gradus
