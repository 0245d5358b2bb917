/// Cross-entropy of class scores, with or without label smoothing: the default loss.
#pragma once

#include <gradus/core/field.hpp>
#include <gradus/policy/loss/concept.hpp>

#include <ATen/ops/argmax.h>
#include <ATen/ops/cross_entropy_loss.h>

namespace gradus {

/// `output` [N, K] scores of K classes, `target` [N] int64. Equals torch.nn.CrossEntropyLoss.
/// Source of label smoothing: Szegedy et al. 2016, section 7.
struct CrossEntropy {
  using slot = slot::loss;
  static constexpr std::string_view name = "CrossEntropy";

  double label_smoothing = 0;

  static constexpr auto fields() {
    return fields_of(field("label_smoothing", &CrossEntropy::label_smoothing, fraction(),
                           "part of the target spread over all classes"));
  }

  [[nodiscard]] at::Tensor loss(const at::Tensor& output, const at::Tensor& target) const {
    return at::cross_entropy_loss(output, target, {}, at::Reduction::Mean, -100, label_smoothing);
  }
  [[nodiscard]] at::Tensor evaluate(const at::Tensor& output, const at::Tensor& target) const {
    return at::cross_entropy_loss(output, target);
  }
  [[nodiscard]] at::Tensor correct(const at::Tensor& output, const at::Tensor& target) const {
    return output.argmax(1).eq(target).sum();
  }
};
static_assert(LossPolicy<CrossEntropy>);

}  // namespace gradus
