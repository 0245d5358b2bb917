/// The accumulation axis: how many micro-batches make one optimizer step.
#pragma once

#include <gradus/compose/contract.hpp>

#include <array>
#include <cstdint>

namespace gradus {

/// `micro_batches()` is the number of backward passes per optimizer step, at least 1. Each pass is
/// weighted by its part of what the loss is a mean over in the window (counted targets, tokens,
/// class weights; else samples), so that the sum is the mean over the window, a short last window
/// and a short last batch included. Batch norm sees each micro-batch on its own.
template <class P>
struct Contract<slot::accumulation, P> {
  using MicroBatches = std::int64_t (P::*)() const;

  static constexpr std::array members{
      Member{"micro_batches", "std::int64_t micro_batches() const", (requires {
               &P::micro_batches;
             }), (requires { static_cast<MicroBatches>(&P::micro_batches); })},
  };
};

/// A policy of the accumulation axis: it has every member that `Contract<slot::accumulation, P>`
/// lists.
template <class P>
concept AccumulationPolicy = Fulfils<P, slot::accumulation>;

}  // namespace gradus
