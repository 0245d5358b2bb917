/// The layout axis: how tensors of four dimensions lie in memory.
#pragma once

#include <gradus/compose/contract.hpp>
#include <gradus/compose/tensor_fwd.hpp>

#include <array>

namespace gradus {

/// `arrange(tensor)` returns the tensor in the policy's layout, the same values in the same shape.
/// Applied once to each parameter, and to the input of each micro-batch.
template <class P>
struct Contract<slot::layout, P> {
  using Arrange = at::Tensor (P::*)(const at::Tensor&) const;

  static constexpr std::array members{
      Member{"arrange", "at::Tensor arrange(const at::Tensor& tensor) const",
             (requires { &P::arrange; }), (requires { static_cast<Arrange>(&P::arrange); })},
  };
};

/// A policy of the layout axis: it has every member that `Contract<slot::layout, P>` lists.
template <class P>
concept LayoutPolicy = Fulfils<P, slot::layout>;

}  // namespace gradus
