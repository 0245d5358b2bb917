/// Between how many tokens a language model is undecided.
#pragma once

#include <gradus/compose/field.hpp>
#include <gradus/policy/metric/class_counts.hpp>
#include <gradus/policy/metric/concept.hpp>
#include <gradus/policy/metric/detail/differences.hpp>

#include <ATen/TensorOperators.h>
#include <ATen/core/Tensor.h>
#include <ATen/ops/cross_entropy_loss.h>
#include <ATen/ops/stack.h>

#include <cmath>
#include <optional>
#include <string>
#include <string_view>

namespace gradus {

/// The exponential of the mean cross entropy over all tokens that count. Scores [N, K, ...], ids
/// [N, ...] int64; -100 is ignored. Equals torchmetrics.
struct Perplexity {
  using slot = slot::metric;
  static constexpr std::string_view name = "Perplexity";
  static constexpr std::string_view label = "perplexity";
  static constexpr bool higher_is_better = false;
  static constexpr auto fields() { return no_fields; }

  [[nodiscard]] at::Tensor tally(const at::Tensor& output, const at::Tensor& target) const {
    const auto each = at::cross_entropy_loss(output, target, {}, at::Reduction::None);
    return at::stack({each.sum(at::kDouble), target.ne(no_class).sum().to(at::kDouble)});
  }
  [[nodiscard]] std::optional<double> value(const at::Tensor& tally) const {
    const auto mean = detail::mean_of(tally);
    if (!mean) return std::nullopt;
    return std::exp(*mean);
  }
  [[nodiscard]] std::string form_mistake(const at::Tensor& output, const at::Tensor& target) const {
    if (output.sizes() == target.sizes()) return "it compares scores [N, K, ...] with ids [N, ...]";
    return detail::classes_mistake(output, target);
  }
};
static_assert(MetricPolicy<Perplexity>);

}  // namespace gradus
