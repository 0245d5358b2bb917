/// The sampling axis: which samples a pass over the data visits, and in which order.
#pragma once

#include <gradus/compose/contract.hpp>
#include <gradus/core/sample_draw.hpp>

#include <array>
#include <cstdint>
#include <vector>

namespace gradus {

/// `order(draw)` are the indices that a pass visits: as many as the set has samples, each from 0 to
/// `draw.size` - 1, some of them several times if the policy wants so. A pure function of `draw`: a
/// run that resumes asks again. A policy whose `takes_classes` is true is given the class of each
/// sample, which the dataset says by `targets()`; one whose `takes_weights` is true their weights,
/// by `sample_weights()`.
template <class P>
struct Contract<slot::sampling, P> {
  using Order = std::vector<std::int64_t> (P::*)(const SampleDraw&) const;

  static constexpr std::array members{
      Member{"order", "std::vector<std::int64_t> order(const gradus::SampleDraw& draw) const",
             (requires { &P::order; }), (requires { static_cast<Order>(&P::order); })},
      Member{"takes_classes", "static constexpr bool takes_classes = true;", (requires {
               P::takes_classes;
             }), (requires { static_cast<const bool*>(&P::takes_classes); }), false},
      Member{"takes_weights", "static constexpr bool takes_weights = true;", (requires {
               P::takes_weights;
             }), (requires { static_cast<const bool*>(&P::takes_weights); }), false},
  };
};

/// A policy of the sampling axis: it has every member that `Contract<slot::sampling, P>` lists.
template <class P>
concept SamplingPolicy = Fulfils<P, slot::sampling>;

/// A sampling policy that is given the class of each sample.
template <class P>
concept SamplingByClass = SamplingPolicy<P> && requires { requires P::takes_classes; };
/// Likewise one that is given the weight of each sample.
template <class P>
concept SamplingByWeight = SamplingPolicy<P> && requires { requires P::takes_weights; };

}  // namespace gradus
