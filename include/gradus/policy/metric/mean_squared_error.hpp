/// How far outputs are off, squared.
#pragma once

#include <gradus/compose/field.hpp>
#include <gradus/policy/metric/concept.hpp>
#include <gradus/policy/metric/detail/differences.hpp>

#include <ATen/TensorOperators.h>
#include <ATen/core/Tensor.h>

#include <optional>
#include <string>
#include <string_view>

namespace gradus {

/// Mean of the squared differences. Outputs and targets of one shape. Equals scikit-learn and
/// torchmetrics.
struct MeanSquaredError {
  using slot = slot::metric;
  static constexpr std::string_view name = "MeanSquaredError";
  static constexpr std::string_view label = "mean_squared_error";
  static constexpr bool higher_is_better = false;
  static constexpr auto fields() { return no_fields; }

  [[nodiscard]] at::Tensor tally(const at::Tensor& output, const at::Tensor& target) const {
    return detail::sum_and_count((output.to(at::kDouble) - target).square());
  }
  [[nodiscard]] std::optional<double> value(const at::Tensor& tally) const {
    return detail::mean_of(tally);
  }
  [[nodiscard]] std::string form_mistake(const at::Tensor& output, const at::Tensor& target) const {
    return detail::differences_mistake(output, target);
  }
};
static_assert(MetricPolicy<MeanSquaredError>);

}  // namespace gradus
