/// Batches read in the training thread: the neutral loading policy. Start one of your own from
/// this.
#pragma once

#include <gradus/compose/field.hpp>
#include <gradus/policy/loading/concept.hpp>

#include <cstdint>

namespace gradus {

/// The training thread reads each batch when it is needed: the neutral policy of its axis. When to
/// use: tiny sets, or as the baseline.
struct Plain {
  using slot = slot::loading;
  static constexpr std::string_view name = "Plain";

  std::int64_t batch_size = 32;
  bool drop_last = false;

  static constexpr auto fields() {
    return fields_of(
        field("batch_size", &Plain::batch_size, at_least(1), "samples per micro-batch"),
        field("drop_last", &Plain::drop_last, "leave out a last batch that would be short"));
  }

  [[nodiscard]] LoadingPlan plan() const {
    return {.batch_size = batch_size, .drop_last = drop_last};
  }
};
static_assert(LoadingPolicy<Plain>);

}  // namespace gradus
