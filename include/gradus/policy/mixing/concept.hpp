/// The mixing axis: training batches whose samples are blended with one another.
#pragma once

#include <gradus/compose/contract.hpp>
#include <gradus/compose/tensor_fwd.hpp>

#include <array>
#include <cstdint>

namespace gradus {

/// `mix(batch, key)` changes a training batch on the device, before resolution and layout: a pure
/// function of the batch and the key. `input` [N, ...] keeps its shape; `target` [N] int64 becomes
/// [N, K] float32, a part for each of K classes. A policy whose `mixes` is false is never asked.
template <class P>
struct Contract<slot::mixing, P> {
  using Mix = void (P::*)(Batch&, std::uint64_t) const;

  static constexpr std::array members{
      Member{"mixes", "static constexpr bool mixes = true;", (requires { P::mixes; }),
             (requires { static_cast<const bool*>(&P::mixes); })},
      Member{"mix", "void mix(gradus::Batch& batch, std::uint64_t key) const",
             (requires { &P::mix; }), (requires { static_cast<Mix>(&P::mix); })},
  };
};

/// A policy of the mixing axis: it has every member that `Contract<slot::mixing, P>` lists.
template <class P>
concept MixingPolicy = Fulfils<P, slot::mixing>;

}  // namespace gradus
