/// How many answers are right.
#pragma once

#include <gradus/compose/field.hpp>
#include <gradus/policy/metric/class_counts.hpp>
#include <gradus/policy/metric/concept.hpp>

#include <ATen/TensorOperators.h>
#include <ATen/core/Tensor.h>
#include <ATen/ops/scalar_tensor.h>
#include <ATen/ops/stack.h>

#include <optional>
#include <string>
#include <string_view>

namespace gradus {

/// For losses that do not count it themselves (CrossEntropy does). Scores [N, K, ...] with classes
/// [N, ...] int64, of which -100 is ignored; or scores with targets of the same shape, each a yes
/// or no of its own: a score above 0, a target above 0.5 is yes.
struct Accuracy {
  using slot = slot::metric;
  static constexpr std::string_view name = "Accuracy";
  static constexpr std::string_view label = "accuracy";
  static constexpr bool higher_is_better = true;
  static constexpr auto fields() { return no_fields; }

  [[nodiscard]] at::Tensor tally(const at::Tensor& output, const at::Tensor& target) const {
    if (detail::answers_each(output, target)) {
      const auto right = (output > 0).eq(target > 0.5).sum();
      return at::stack({right, at::scalar_tensor(output.numel(), right.options())});
    }
    return at::stack({output.argmax(1).eq(target).sum(), target.ne(no_class).sum()});
  }
  [[nodiscard]] std::optional<double> value(const at::Tensor& tally) const {
    const auto counted = tally[1].item<double>();
    if (counted == 0) return std::nullopt;
    return tally[0].item<double>() / counted;
  }
  [[nodiscard]] std::string form_mistake(const at::Tensor& output, const at::Tensor& target) const {
    return detail::classes_mistake(output, target);
  }
};
static_assert(MetricPolicy<Accuracy>);

}  // namespace gradus
