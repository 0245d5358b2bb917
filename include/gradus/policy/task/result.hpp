/// What a task makes of a micro-batch.
#pragma once

#include <ATen/core/Tensor.h>

namespace gradus {

/// `loss` [] float, the mean over the micro-batch. `output` and `target` are what metrics compare,
/// of the forms that those take; undefined where there is nothing to compare.
struct TaskResult {
  at::Tensor loss;
  at::Tensor output{};
  at::Tensor target{};
};

/// A 16-bit output as float32; others as they are.
inline at::Tensor as_float32(const at::Tensor& output) {
  const bool half = output.scalar_type() == at::kHalf || output.scalar_type() == at::kBFloat16;
  return half ? output.to(at::kFloat) : output;
}

}  // namespace gradus
