/// Worker threads that keep batches ready ahead of the step.
#pragma once

#include <gradus/compose/field.hpp>
#include <gradus/policy/loading/concept.hpp>

#include <cstdint>

namespace gradus {

/// When to use: whenever reading and augmenting takes time that a step could hide. On CUDA the
/// batches lie in pinned memory and are copied to the device while the step before them runs.
struct Prefetch {
  using slot = slot::loading;
  static constexpr std::string_view name = "Prefetch";

  std::int64_t batch_size = 256;
  bool drop_last = false;
  std::int64_t workers = 2;
  std::int64_t ahead = 4;
  bool pin_memory = true;
  double timeout_seconds = 60;

  static constexpr auto fields() {
    return fields_of(
        field("batch_size", &Prefetch::batch_size, at_least(1), "samples per micro-batch"),
        field("drop_last", &Prefetch::drop_last, "leave out a last batch that would be short"),
        field("workers", &Prefetch::workers, between(0, 256), "threads; 0: the training thread"),
        field("ahead", &Prefetch::ahead, between(1, 1024), "batches ready before they are needed"),
        field("pin_memory", &Prefetch::pin_memory, "page-locked host memory on CUDA"),
        field("timeout_seconds", &Prefetch::timeout_seconds, positive(),
              "longest wait for one batch, in seconds"));
  }

  [[nodiscard]] LoadingPlan plan() const {
    return {.batch_size = batch_size,
            .workers = workers,
            .prefetch = ahead,
            .pin_memory = pin_memory,
            .drop_last = drop_last,
            .timeout_seconds = timeout_seconds};
  }
};
static_assert(LoadingPolicy<Prefetch>);

}  // namespace gradus
