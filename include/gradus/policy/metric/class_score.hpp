/// A figure of what each class was answered and meant: precision, recall and F1 are such.
#pragma once

#include <gradus/compose/field.hpp>
#include <gradus/compose/fixed_name.hpp>
#include <gradus/policy/metric/class_counts.hpp>
#include <gradus/policy/metric/concept.hpp>

#include <ATen/core/Tensor.h>

#include <optional>
#include <string>

namespace gradus {

/// `Score` has a `name`, a `label` and `of(right, answered, meant)`, of the answers for one class.
/// Equals scikit-learn and torchmetrics. Outputs and targets as `Accuracy` takes them; of targets
/// of the scores' shape [N, K, ...] the K labels are dimension 1. `values` are those of the classes
/// or labels [K].
template <class Score, Average A>
struct ClassScore {
  using slot = slot::metric;
  static constexpr FixedName name{Score::name, A == Average::macro ? "<macro>" : "<micro>"};
  static constexpr FixedName label{Score::label, A == Average::macro ? "_macro" : "_micro"};
  static constexpr bool higher_is_better = true;
  static constexpr auto fields() { return no_fields; }

  [[nodiscard]] at::Tensor tally(const at::Tensor& output, const at::Tensor& target) const {
    return detail::class_counts(output, target);
  }
  [[nodiscard]] std::optional<double> value(const at::Tensor& tally) const {
    return detail::average_score(tally, A, Score::of);
  }
  [[nodiscard]] at::Tensor values(const at::Tensor& tally) const {
    return detail::class_scores(tally, Score::of);
  }
  [[nodiscard]] std::string form_mistake(const at::Tensor& output, const at::Tensor& target) const {
    return detail::classes_mistake(output, target);
  }
};

}  // namespace gradus
