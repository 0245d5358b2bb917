/// The loss axis: what training makes small.
#pragma once

#include <gradus/core/contract.hpp>
#include <gradus/core/tensor_fwd.hpp>

#include <array>

namespace gradus {

/// `loss(output, target)` is the mean over the samples of a micro-batch, float32 [], differentiable
/// in `output` [N, ...]. `evaluate(output, target)` is what evaluation reports, without
/// regularisation. A classification loss also says how many outputs are right: `correct(output,
/// target)`, int64 [].
template <class P>
struct Contract<slot::loss, P> {
  using Function = at::Tensor (P::*)(const at::Tensor&, const at::Tensor&) const;

  static constexpr std::array members{
      Member{"loss", "at::Tensor loss(const at::Tensor& output, const at::Tensor& target) const",
             (requires { &P::loss; }), (requires { static_cast<Function>(&P::loss); })},
      Member{"evaluate",
             "at::Tensor evaluate(const at::Tensor& output, const at::Tensor& target) const",
             (requires { &P::evaluate; }), (requires { static_cast<Function>(&P::evaluate); })},
      Member{
          "correct", "at::Tensor correct(const at::Tensor& output, const at::Tensor& target) const",
          (requires { &P::correct; }), (requires { static_cast<Function>(&P::correct); }), false},
  };
};

template <class P>
concept LossPolicy = Fulfils<P, slot::loss>;

}  // namespace gradus
