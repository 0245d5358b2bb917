/// What figures of a regression have in common.
#pragma once

#include <ATen/TensorOperators.h>
#include <ATen/core/Tensor.h>
#include <ATen/ops/scalar_tensor.h>
#include <ATen/ops/stack.h>
#include <c10/util/StringUtil.h>

#include <optional>
#include <string>

namespace gradus::detail {

/// Why outputs cannot be subtracted from targets one by one, as a clause, or "".
inline std::string differences_mistake(const at::Tensor& output, const at::Tensor& target) {
  if (output.sizes() == target.sizes()) return "";
  return c10::str("it takes outputs and targets of one shape, but the outputs are ", output.sizes(),
                  " and the targets ", target.sizes());
}

/// float64 [2]: the sum over all elements, and how many there are.
inline at::Tensor sum_and_count(const at::Tensor& values) {
  const auto sum = values.sum(at::kDouble);
  return at::stack({sum, at::scalar_tensor(values.numel(), sum.options())});
}

inline std::optional<double> mean_of(const at::Tensor& sum_and_count) {
  const auto count = sum_and_count[1].item<double>();
  if (count == 0) return std::nullopt;
  return sum_and_count[0].item<double>() / count;
}

}  // namespace gradus::detail
