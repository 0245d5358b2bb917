/// How many of those of a class are found.
#pragma once

#include <gradus/policy/metric/class_score.hpp>

#include <string_view>

namespace gradus {

/// Part of those meant that were answered; 0 for a class that was never meant.
struct RecallScore {
  static constexpr std::string_view name = "Recall";
  static constexpr std::string_view label = "recall";
  static double of(double right, double, double meant) { return detail::ratio(right, meant); }
};

/// Of the samples of a class, the share that is found; averaged over classes as `A` says. In [0,
/// 1].
template <Average A = Average::macro>
using Recall = ClassScore<RecallScore, A>;
static_assert(MetricPolicy<Recall<>>);

}  // namespace gradus
