/// What a dataset hands over and a training step takes: the samples of one micro-batch.
#pragma once

#include <gradus/core/batch_tensors.hpp>

#include <ATen/core/Tensor.h>

#include <concepts>
#include <cstdint>
#include <tuple>

namespace gradus {

/// N samples, the form that most tasks have; any other form will do (core/batch_tensors.hpp). For
/// CIFAR-10: `input` [N, 3, 32, 32] float32, `target` [N] int64.
struct Batch {
  at::Tensor input;
  at::Tensor target;

  [[nodiscard]] std::int64_t size() const { return target.size(0); }
};

/// A batch with what the mean of the loss over it is over: samples, counted targets, tokens. Known
/// on the host before the batch is computed on.
template <class B>
struct Weighed {
  using form = B;

  B batch{};
  double weight = 0;
  bool stands_in = false;  ///< for nothing: this process has no sample of the batch

  static constexpr auto tensors() { return std::tuple{&Weighed::batch}; }
  [[nodiscard]] std::int64_t size() const { return batch_size(batch); }
};

/// A batch with one tensor called `target`, of which a loss policy says what its mean is over.
template <class B>
concept HasTarget = requires(const B& batch) {
  { batch.target } -> std::convertible_to<const at::Tensor&>;
};

/// A batch with one tensor called `input`, which resolution and mirroring act on.
template <class B>
concept HasInput = requires(B& batch) {
  { batch.input } -> std::same_as<at::Tensor&>;
};

}  // namespace gradus
