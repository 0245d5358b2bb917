/// Whether the right class is among the best.
#pragma once

#include <gradus/compose/field.hpp>
#include <gradus/compose/fixed_name.hpp>
#include <gradus/policy/metric/class_counts.hpp>
#include <gradus/policy/metric/concept.hpp>

#include <ATen/TensorOperators.h>
#include <ATen/core/Tensor.h>
#include <ATen/ops/stack.h>

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>

namespace gradus {

namespace detail {

template <std::int64_t K>
constexpr FixedName numbered(std::string_view before, std::string_view after) {
  char digits[20]{};
  std::size_t size = 0;
  for (auto rest = K; rest > 0; rest /= 10) digits[size++] = static_cast<char>('0' + rest % 10);
  for (std::size_t i = 0; i < size / 2; ++i) {
    const char kept = digits[i];
    digits[i] = digits[size - 1 - i];
    digits[size - 1 - i] = kept;
  }
  return {before, std::string_view(digits, size), after};
}

}  // namespace detail

/// Part of the samples whose class is among those of the `K` highest scores. Scores [N, C] of at
/// least K classes, and at least 2, classes [N] int64; -100 is ignored. Equals torchmetrics.
template <std::int64_t K = 5>
struct TopK {
  static_assert(K > 0, "gradus: TopK<K> takes a K of at least 1.");
  using slot = slot::metric;
  static constexpr FixedName name = detail::numbered<K>("TopK<", ">");
  static constexpr FixedName label = detail::numbered<K>("top", "");
  static constexpr bool higher_is_better = true;
  static constexpr auto fields() { return no_fields; }

  [[nodiscard]] at::Tensor tally(const at::Tensor& output, const at::Tensor& target) const {
    const auto best = std::get<1>(output.topk(K, 1));
    return at::stack({best.eq(target.unsqueeze(1)).any(1).sum(), target.ne(no_class).sum()});
  }
  [[nodiscard]] std::optional<double> value(const at::Tensor& tally) const {
    const auto counted = tally[1].item<double>();
    if (counted == 0) return std::nullopt;
    return tally[0].item<double>() / counted;
  }
  [[nodiscard]] std::string form_mistake(const at::Tensor& output, const at::Tensor& target) const {
    constexpr auto least = std::max<std::int64_t>(K, 2);
    if (output.dim() == 2 && output.size(1) >= least && target.scalar_type() == at::kLong &&
        target.dim() == 1 && target.size(0) == output.size(0)) {
      return "";
    }
    return c10::str("it compares scores [N, C] of at least ", least,
                    " classes with classes [N] int64, but the outputs are ", output.sizes(),
                    " and the targets ", target.scalar_type(), " ", target.sizes());
  }
};
static_assert(MetricPolicy<TopK<>>);

}  // namespace gradus
