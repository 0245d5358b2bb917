/// What losses of one target for each output have in common.
#pragma once

#include <ATen/core/Tensor.h>
#include <c10/core/ScalarType.h>
#include <c10/util/StringUtil.h>

#include <string>

namespace gradus::detail {

/// Why outputs and targets cannot be compared one by one, as a clause, or "". LibTorch would let
/// [N] and [N, 1] grow to [N, N].
inline std::string elements_mistake(const at::Tensor& output, const at::Tensor& target) {
  if (output.sizes() == target.sizes() && at::isFloatingType(target.scalar_type())) return "";
  return c10::str(
      "it compares outputs with floating targets of the same shape, but the outputs are ",
      output.scalar_type(), " ", output.sizes(), " and the targets ", target.scalar_type(), " ",
      target.sizes(), "; reshape or convert one of them, or choose another loss");
}

}  // namespace gradus::detail
