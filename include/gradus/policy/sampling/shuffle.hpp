/// Each sample once a pass, in an order of its own: the neutral sampling policy. Start one of your
/// own from this.
#pragma once

#include <gradus/compose/field.hpp>
#include <gradus/core/sample_draw.hpp>
#include <gradus/policy/sampling/concept.hpp>

#include <cstdint>
#include <string_view>
#include <vector>

namespace gradus {

/// Each sample once per pass, in a new random order for each pass that depends on the seed alone:
/// the neutral policy of its axis.
struct Shuffle {
  using slot = slot::sampling;
  static constexpr std::string_view name = "Shuffle";
  static constexpr auto fields() { return no_fields; }

  [[nodiscard]] std::vector<std::int64_t> order(const SampleDraw& draw) const {
    return epoch_order(draw.size, draw.seed, draw.pass);
  }
};
static_assert(SamplingPolicy<Shuffle>);

}  // namespace gradus
