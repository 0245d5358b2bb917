/// How much of the targets' variance the outputs explain.
#pragma once

#include <gradus/compose/field.hpp>
#include <gradus/policy/metric/concept.hpp>
#include <gradus/policy/metric/detail/differences.hpp>

#include <ATen/TensorOperators.h>
#include <ATen/core/Tensor.h>
#include <ATen/ops/full.h>
#include <ATen/ops/full_like.h>
#include <ATen/ops/stack.h>
#include <ATen/ops/where.h>

#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>

namespace gradus {

/// Coefficient of determination, 1 - squared differences / squared deviations from the mean; of
/// several outputs a sample, the mean of theirs. Outputs and targets [N] or [N, K]. Absent where
/// the targets of an output do not differ, or by less than about a millionth of their mean: that is
/// what sums of squares can tell from rounding; take the mean off such targets. `values` [K].
/// Equals scikit-learn and torchmetrics.
struct R2 {
  using slot = slot::metric;
  static constexpr std::string_view name = "R2";
  static constexpr std::string_view label = "r2";
  static constexpr bool higher_is_better = true;
  static constexpr auto fields() { return no_fields; }

  /// float64 [K, 4]: rows, sum of targets, of their squares, of squared differences.
  [[nodiscard]] at::Tensor tally(const at::Tensor& output, const at::Tensor& target) const {
    const auto meant = (target.dim() > 1 ? target.flatten(1) : target.unsqueeze(1)).to(at::kDouble);
    const auto off = output.reshape(meant.sizes()).to(at::kDouble) - meant;
    const auto sum = meant.sum(0);
    return at::stack(
        {at::full_like(sum, meant.size(0)), sum, meant.square().sum(0), off.square().sum(0)}, 1);
  }
  [[nodiscard]] std::optional<double> value(const at::Tensor& tally) const {
    const auto each = values(tally);
    if (!each.isfinite().all().item<bool>()) return std::nullopt;
    return each.mean().item<double>();
  }
  [[nodiscard]] at::Tensor values(const at::Tensor& tally) const {
    const auto column = [&](std::int64_t k) { return tally.select(1, k); };
    const auto variance = column(2) - column(1).square() / column(0);
    const auto differs = variance > 1e-12 * column(2);  // more than rounding
    return at::where(differs, 1 - column(3) / variance, std::numeric_limits<double>::quiet_NaN());
  }
  [[nodiscard]] std::string form_mistake(const at::Tensor& output, const at::Tensor& target) const {
    return detail::differences_mistake(output, target);
  }
};
static_assert(MetricPolicy<R2>);

}  // namespace gradus
