/// The loop that one would write by hand with LibTorch, with the same care as the trainer's:
/// gradients are freed, and losses are kept, to be read once, with the gradients' norm.
#pragma once

#include <gradus/core/sample_draw.hpp>

#include <ATen/ops/_foreach_norm.h>
#include <ATen/ops/_fused_sgd.h>
#include <ATen/ops/cross_entropy_loss.h>
#include <ATen/ops/linalg_vector_norm.h>
#include <ATen/ops/stack.h>
#include <torch/types.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

/// One epoch of plain SGD at 0.01 over `set`, in the order of seed 0.
template <class Model, class Set>
void train_by_hand(Model& model, const Set& set, std::int64_t batch_size) {
  const auto parameters = model->parameters();
  const auto order = gradus::epoch_order(set.size(), 0, 0);
  for (const auto& parameter : parameters) parameter.mutable_grad().reset();
  model->train();
  std::vector<at::Tensor> losses;
  const auto size = static_cast<std::size_t>(batch_size);
  for (std::size_t first = 0; first < order.size(); first += size) {
    const auto count = std::min(size, order.size() - first);
    const auto batch = set.batch(std::span(order).subspan(first, count));
    const auto loss = at::cross_entropy_loss(model->forward(batch.input), batch.target, {},
                                             at::Reduction::Mean, -100, 0.0);
    losses.push_back(loss.detach());
    loss.backward();
    std::vector<at::Tensor> weights;
    std::vector<at::Tensor> gradients;
    for (const auto& parameter : parameters) {
      weights.push_back(parameter.detach());
      gradients.push_back(parameter.grad());
    }
    at::_fused_sgd_(weights, gradients, {}, 0, 0, 0.01, 0, false, false, false);
    if (first + size >= order.size()) {
      losses.push_back(at::linalg_vector_norm(at::stack(at::_foreach_norm(gradients)), 2, {}, false,
                                              at::kDouble));
    }
    for (const auto& parameter : parameters) parameter.mutable_grad().reset();
  }
  const auto read = at::stack(losses).to(at::kCPU, at::kDouble).reshape({-1}).contiguous();
  static_cast<void>(read);
}
