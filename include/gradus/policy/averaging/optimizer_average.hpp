/// The averages that an optimizer has itself.
#pragma once

#include <gradus/compose/field.hpp>
#include <gradus/policy/averaging/concept.hpp>

#include <cstdint>

namespace gradus {

/// When to use: with an optimizer that has averages of its own, such as `ScheduleFreeAdamW`, and
/// only then; another pair of the two is a compile error.
///
/// Keeps nothing itself. Batch-norm statistics of the trained weights do not fit the average, so
/// they are recomputed from training batches after each epoch.
struct OptimizerAverage {
  using slot = slot::averaging;
  static constexpr std::string_view name = "OptimizerAverage";
  static constexpr bool averages_weights = true;
  static constexpr bool from_optimizer = true;

  std::int64_t batches = 50;

  static constexpr auto fields() {
    return fields_of(field("batches", &OptimizerAverage::batches, at_least(0),
                           "training batches over which batch-norm statistics are recomputed; "
                           "0: keep those of the trained weights"));
  }

  [[nodiscard]] std::int64_t statistics_batches() const { return batches; }
};
static_assert(AveragingPolicy<OptimizerAverage>);

}  // namespace gradus
