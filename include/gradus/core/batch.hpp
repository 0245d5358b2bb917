/// What a dataset hands over and a training step takes: the samples of one micro-batch.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>

namespace gradus {

/// N samples. For CIFAR-10: `input` [N, 3, 32, 32] float32, `target` [N] int64.
struct Batch {
  at::Tensor input;
  at::Tensor target;
  /// What the mean of the loss over this batch is over: samples, counted targets, tokens. Set by
  /// the trainer from the loss policy's `weight`; a dataset leaves it alone.
  double weight = 0;

  [[nodiscard]] std::int64_t size() const { return target.size(0); }
};

}  // namespace gradus
