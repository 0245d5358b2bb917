/// How well scores tell yes from no, whatever the threshold.
#pragma once

#include <gradus/compose/field.hpp>
#include <gradus/policy/metric/class_counts.hpp>
#include <gradus/policy/metric/concept.hpp>

#include <ATen/TensorOperators.h>
#include <ATen/core/Tensor.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/ones_like.h>
#include <ATen/ops/where.h>
#include <ATen/ops/zeros.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace gradus {

/// Area under the receiver operating characteristic: the chance that a yes has a higher score than
/// a no, ties being half. Scores [N] or [N, K, ...] with targets of the same shape, each a yes or
/// no of one of K labels; or scores [N, K, ...] with classes [N, ...] int64, each class against the
/// rest. The value is the mean of the K; `values` are those of the labels or classes [K], NaN where
/// there is no yes or no no.
///
/// Scores are counted by probability in `bins` of equal width, so that tallies add up: two in one
/// bin are a tie. Where no two differ by less than 1 / bins it equals scikit-learn and
/// torchmetrics.
struct Auroc {
  using slot = slot::metric;
  static constexpr std::string_view name = "Auroc";
  static constexpr std::string_view label = "auroc";
  static constexpr bool higher_is_better = true;

  std::int64_t bins = 16384;

  static constexpr auto fields() {
    return fields_of(field("bins", &Auroc::bins, between(2, 1 << 24),
                           "number of histogram bins; 16 bytes each for each class"));
  }

  /// int64 [K, 2, bins]: of each class the no and the yes.
  [[nodiscard]] at::Tensor tally(const at::Tensor& output, const at::Tensor& target) const {
    const bool each = detail::answers_each(output, target);
    at::Tensor chance;  // [rows, K]
    at::Tensor yes;
    at::Tensor counted;
    if (each) {
      chance = detail::labels_last(output).sigmoid();
      yes = detail::labels_last(target).gt(0.5);
      counted = at::ones_like(yes);
    } else {
      detail::check_classes(target, output.size(1));
      chance = detail::labels_last(output.softmax(1));
      const auto meant = target.flatten().unsqueeze(1);
      yes = meant.eq(at::arange(chance.size(1), meant.options()));
      counted = meant.ne(no_class).expand_as(yes);
    }
    const auto classes = chance.size(1);
    const auto bin = (chance.to(at::kDouble) * bins).floor().to(at::kLong).clamp(0, bins - 1);
    const auto row = at::arange(classes, bin.options()) * 2 + yes.to(at::kLong);
    const auto cell = at::where(counted, row * bins + bin, classes * 2 * bins).flatten();
    auto cells = at::zeros({classes * 2 * bins + 1}, cell.options());
    cells.scatter_add_(0, cell, at::ones_like(cell));
    return cells.narrow(0, 0, classes * 2 * bins).view({classes, 2, bins});
  }

  [[nodiscard]] std::optional<double> value(const at::Tensor& tally) const {
    const auto each = values(tally);
    const auto there = each.masked_select(each.isnan().logical_not());
    if (there.numel() == 0) return std::nullopt;
    return there.mean().item<double>();
  }
  [[nodiscard]] at::Tensor values(const at::Tensor& tally) const {
    const auto counts = tally.to(at::kDouble);
    const auto no = counts.select(1, 0);
    const auto yes = counts.select(1, 1);
    const auto above = yes.sum(1, true) - yes.cumsum(1);
    return (no * (above + yes / 2)).sum(1) / (no.sum(1) * yes.sum(1));
  }
  [[nodiscard]] std::string form_mistake(const at::Tensor& output, const at::Tensor& target) const {
    return detail::classes_mistake(output, target);
  }
};
static_assert(MetricPolicy<Auroc>);

}  // namespace gradus
