/// Which classes are taken for which.
#pragma once

#include <gradus/compose/field.hpp>
#include <gradus/policy/metric/class_counts.hpp>
#include <gradus/policy/metric/concept.hpp>

#include <ATen/TensorOperators.h>
#include <ATen/core/Tensor.h>

#include <optional>
#include <string>
#include <string_view>

namespace gradus {

/// `values` [K, K]: how often class k, the row, was answered by each class, the columns. The figure
/// is the part on the diagonal. Scores [N, K, ...], classes [N, ...] int64; a class of -100 is
/// ignored. Equals scikit-learn and torchmetrics.
struct ConfusionMatrix {
  using slot = slot::metric;
  static constexpr std::string_view name = "ConfusionMatrix";
  static constexpr std::string_view label = "confusion_matrix";
  static constexpr bool higher_is_better = true;
  static constexpr auto fields() { return no_fields; }

  [[nodiscard]] at::Tensor tally(const at::Tensor& output, const at::Tensor& target) const {
    return detail::confusion(output, target);
  }
  [[nodiscard]] std::optional<double> value(const at::Tensor& tally) const {
    const auto all = tally.sum().item<double>();
    if (all == 0) return std::nullopt;
    return tally.trace().item<double>() / all;
  }
  [[nodiscard]] at::Tensor values(const at::Tensor& tally) const { return tally.to(at::kDouble); }
  [[nodiscard]] std::string form_mistake(const at::Tensor& output, const at::Tensor& target) const {
    if (output.sizes() == target.sizes()) return "it takes one class of K for each sample";
    return detail::classes_mistake(output, target);
  }
};
static_assert(MetricPolicy<ConfusionMatrix>);

}  // namespace gradus
