/// How many of the answers of a class are right.
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

/// Part of the answers that are right; 0 for a class that was never answered.
/// Equals scikit-learn and torchmetrics. Outputs and targets as `Accuracy` takes them; `values` are
/// those of the classes [K].
template <Average A = Average::macro>
struct Precision {
  using slot = slot::metric;
  static constexpr FixedName name{"Precision<", A == Average::macro ? "macro" : "micro", ">"};
  static constexpr std::string_view label =
      A == Average::macro ? "precision_macro" : "precision_micro";
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
  static double score(double right, double answered, double) {
    return detail::ratio(right, answered);
  }
};
static_assert(MetricPolicy<Precision<>>);

}  // namespace gradus
