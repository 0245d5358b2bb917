/// Cross-entropy of class scores, with or without label smoothing: the default loss.
#pragma once

#include <gradus/compose/field.hpp>
#include <gradus/policy/loss/concept.hpp>
#include <gradus/policy/loss/detail/classes.hpp>

#include <ATen/ops/cross_entropy_loss.h>

#include <cstdint>
#include <string>

namespace gradus {

/// `output` [N, K, ...] scores of K classes; `target` a class for each, [N, ...] int64, or a part
/// for each class, [N, K, ...] of a floating type. A class of -100 is ignored: it is in no mean, no
/// accuracy and no gradient. Equals torch.nn.CrossEntropyLoss.
/// Source of label smoothing: Szegedy et al. 2016, section 7.
struct CrossEntropy {
  using slot = slot::loss;
  static constexpr std::string_view name = "CrossEntropy";
  static constexpr std::int64_t ignored = no_class;

  double label_smoothing = 0;

  static constexpr auto fields() {
    return fields_of(field("label_smoothing", &CrossEntropy::label_smoothing, fraction(),
                           "part of the target spread over all classes"));
  }

  [[nodiscard]] at::Tensor loss(const at::Tensor& output, const at::Tensor& target) const {
    return at::cross_entropy_loss(output, target, {}, at::Reduction::Mean, ignored,
                                  label_smoothing);
  }
  [[nodiscard]] at::Tensor evaluate(const at::Tensor& output, const at::Tensor& target) const {
    return at::cross_entropy_loss(output, target);
  }

  [[nodiscard]] double weight(const at::Tensor& target) const {
    return detail::counted_places(target);
  }
  [[nodiscard]] at::Tensor correct(const at::Tensor& output, const at::Tensor& target) const {
    return detail::correct_classes(output, target);
  }
  [[nodiscard]] at::Tensor counted(const at::Tensor& target) const {
    return detail::counted_classes(target);
  }
  [[nodiscard]] std::string target_mistake(const at::Tensor& output,
                                           const at::Tensor& target) const {
    return detail::classes_of_mistake(output, target, /*takes_parts=*/true);
  }
  [[nodiscard]] std::string value_mistake(const at::Tensor& output,
                                          const at::Tensor& target) const {
    return detail::class_value_mistake(output, target);
  }
};
static_assert(LossPolicy<CrossEntropy>);

}  // namespace gradus
