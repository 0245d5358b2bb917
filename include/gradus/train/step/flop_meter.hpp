/// The floating-point operations of a run's training steps.
#pragma once

#include <gradus/core/batch_tensors.hpp>
#include <gradus/device/flop_count.hpp>

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <map>
#include <utility>
#include <vector>

namespace gradus {

/// Counts those of the forward pass (FlopCount) when a form of batch is met for the first time, and
/// knows them from then on: a step costs it nothing, and steps that are replayed are counted too.
/// The backward pass is taken for twice as many, as is usual, whatever is frozen.
class FlopMeter {
 public:
  /// What `forward()` gives, the forward pass of `batch`.
  template <class B, class Forward>
  auto watch(const B& batch, const Forward& forward) {
    auto form = form_of(batch);
    if (known_.contains(form)) return forward();
    const FlopCount count;
    auto result = forward();
    known_.emplace(std::move(form), count.total());
    return result;
  }

  /// Of a training pass over a batch of a form that was met, forward and backward; else 0.
  template <class B>
  [[nodiscard]] double of(const B& batch) const {
    const auto found = known_.find(form_of(batch));
    return found == known_.end() ? 0 : 3 * found->second;
  }

 private:
  using Form = std::vector<std::int64_t>;

  /// Of each tensor the number of dimensions and the sizes.
  template <class B>
  static Form form_of(const B& batch) {
    Form form;
    visit_tensors(batch, [&](const at::Tensor& tensor) {
      form.push_back(tensor.defined() ? tensor.dim() : -1);
      if (tensor.defined()) form.insert(form.end(), tensor.sizes().begin(), tensor.sizes().end());
    });
    return form;
  }

  std::map<Form, double> known_;
};

}  // namespace gradus
