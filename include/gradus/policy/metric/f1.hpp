/// Precision and recall in one.
#pragma once

#include <gradus/policy/metric/class_score.hpp>

#include <string_view>

namespace gradus {

/// Harmonic mean of precision and recall; 0 where both are.
struct F1Score {
  static constexpr std::string_view name = "F1";
  static constexpr std::string_view label = "f1";
  static double of(double right, double answered, double meant) {
    return detail::ratio(2 * right, answered + meant);
  }
};

/// The harmonic mean of precision and recall, by class, then averaged as `A` says. In [0, 1].
template <Average A = Average::macro>
using F1 = ClassScore<F1Score, A>;
static_assert(MetricPolicy<F1<>>);

}  // namespace gradus
