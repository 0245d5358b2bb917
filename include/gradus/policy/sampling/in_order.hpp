/// Samples in the order of the set.
#pragma once

#include <gradus/compose/field.hpp>
#include <gradus/core/sample_draw.hpp>
#include <gradus/policy/sampling/concept.hpp>

#include <cstdint>
#include <numeric>
#include <string_view>
#include <vector>

namespace gradus {

/// When to use: the order means something (a curriculum from easy to hard, a series in time), or a
/// run is to be compared with another program's, batch by batch.
struct InOrder {
  using slot = slot::sampling;
  static constexpr std::string_view name = "InOrder";
  static constexpr auto fields() { return no_fields; }

  [[nodiscard]] std::vector<std::int64_t> order(const SampleDraw& draw) const {
    std::vector<std::int64_t> order(static_cast<std::size_t>(draw.size));
    std::iota(order.begin(), order.end(), 0);
    return order;
  }
};
static_assert(SamplingPolicy<InOrder>);

}  // namespace gradus
