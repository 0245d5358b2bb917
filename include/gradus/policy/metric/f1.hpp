/// Precision and recall in one.
#pragma once

#include <gradus/core/field.hpp>
#include <gradus/core/fixed_name.hpp>
#include <gradus/policy/metric/class_counts.hpp>
#include <gradus/policy/metric/concept.hpp>

#include <ATen/TensorOperators.h>
#include <ATen/core/Tensor.h>

#include <optional>
#include <string>
#include <string_view>

namespace gradus {

/// Harmonic mean of precision and recall; 0 where both are.
/// Equals scikit-learn and torchmetrics. Outputs and targets as `Accuracy` takes them; `values` are
/// those of the classes [K].
template <Average A = Average::macro>
struct F1 {
  using slot = slot::metric;
  static constexpr FixedName name{"F1<", A == Average::macro ? "macro" : "micro", ">"};
  static constexpr std::string_view label = A == Average::macro ? "f1_macro" : "f1_micro";
  static constexpr bool higher_is_better = true;
  static constexpr auto fields() { return no_fields; }

  [[nodiscard]] at::Tensor tally(const at::Tensor& output, const at::Tensor& target) const {
    return detail::class_counts(output, target);
  }
  [[nodiscard]] std::optional<double> value(const at::Tensor& tally) const {
    return detail::average_score(tally, A, score);
  }
  [[nodiscard]] at::Tensor values(const at::Tensor& tally) const {
    return detail::class_scores(tally, score);
  }
  [[nodiscard]] std::string form_mistake(const at::Tensor& output, const at::Tensor& target) const {
    return detail::classes_mistake(output, target);
  }

 private:
  static double score(double right, double answered, double meant) {
    return detail::ratio(2 * right, answered + meant);
  }
};
static_assert(MetricPolicy<F1<>>);

}  // namespace gradus
