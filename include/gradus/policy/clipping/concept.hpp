/// The clipping axis: bounds on the gradient of an optimizer step.
#pragma once

#include <gradus/compose/contract.hpp>
#include <gradus/compose/tensor_fwd.hpp>

#include <array>
#include <vector>

namespace gradus {

/// `clip(gradients)` changes the gradients of one optimizer step in place, without waiting for the
/// device. They are whole and unscaled; under a gradient scaler they may be not finite, and the
/// step is then skipped. A policy that takes their 2-norm anyway returns it, as it was before:
/// [] on their device, which saves the trainer from taking it for observers. A policy whose `clips`
/// is false is never asked.
template <class P>
struct Contract<slot::clipping, P> {
  using Clip = void (P::*)(const std::vector<at::Tensor>&) const;
  using ClipAndMeasure = at::Tensor (P::*)(const std::vector<at::Tensor>&) const;

  static constexpr std::array members{
      Member{"clips", "static constexpr bool clips = true;", (requires { P::clips; }),
             (requires { static_cast<const bool*>(&P::clips); })},
      Member{"clip", "void clip(const std::vector<at::Tensor>& gradients) const",
             (requires { &P::clip; }),
             (
                 requires { static_cast<Clip>(&P::clip); } ||
                 requires { static_cast<ClipAndMeasure>(&P::clip); })},
  };
};

/// A policy of the clipping axis: it has every member that `Contract<slot::clipping, P>` lists.
template <class P>
concept ClippingPolicy = Fulfils<P, slot::clipping>;

}  // namespace gradus
