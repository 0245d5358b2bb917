/// The same number of micro-batches in every optimizer step.
#pragma once

#include <gradus/compose/field.hpp>
#include <gradus/policy/accumulation/concept.hpp>

namespace gradus {

/// When to use: the batch that the optimizer should see does not fit in memory, or in a cache.
struct Accumulate {
  using slot = slot::accumulation;
  static constexpr std::string_view name = "Accumulate";

  std::int64_t steps = 2;

  static constexpr auto fields() {
    return fields_of(
        field("steps", &Accumulate::steps, at_least(1), "micro-batches per optimizer step"));
  }

  [[nodiscard]] constexpr std::int64_t micro_batches() const { return steps; }
};
static_assert(AccumulationPolicy<Accumulate>);

}  // namespace gradus
