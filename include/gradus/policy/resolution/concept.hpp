/// The resolution axis: at what size training images are seen. Evaluation is always at full size.
#pragma once

#include <gradus/compose/contract.hpp>
#include <gradus/compose/tensor_fwd.hpp>

#include <array>

namespace gradus {

/// `resize(images, part)` returns images [N, C, h, w] made from [N, C, H, W]; `part` is the part of
/// the run's optimizer steps that is done, in [0, 1).
template <class P>
struct Contract<slot::resolution, P> {
  using Resize = at::Tensor (P::*)(const at::Tensor&, double) const;

  static constexpr std::array members{
      Member{"resize", "at::Tensor resize(const at::Tensor& images, double part) const",
             (requires { &P::resize; }), (requires { static_cast<Resize>(&P::resize); })},
  };
};

/// A policy of the resolution axis: it has every member that `Contract<slot::resolution, P>` lists.
template <class P>
concept ResolutionPolicy = Fulfils<P, slot::resolution>;

}  // namespace gradus
