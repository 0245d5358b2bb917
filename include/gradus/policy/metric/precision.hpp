/// How many of the answers of a class are right.
#pragma once

#include <gradus/policy/metric/class_score.hpp>

#include <string_view>

namespace gradus {

/// Part of the answers that are right; 0 for a class that was never answered.
struct PrecisionScore {
  static constexpr std::string_view name = "Precision";
  static constexpr std::string_view label = "precision";
  static double of(double right, double answered, double) { return detail::ratio(right, answered); }
};

/// Of the answers that name a class, the share that is right; averaged over classes as `A` says. In
/// [0, 1].
template <Average A = Average::macro>
using Precision = ClassScore<PrecisionScore, A>;
static_assert(MetricPolicy<Precision<>>);

}  // namespace gradus
