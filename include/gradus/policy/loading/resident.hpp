/// The training set on the device, as bytes: batches are gathered and varied there.
#pragma once

#include <gradus/compose/field.hpp>
#include <gradus/compose/slot.hpp>
#include <gradus/core/loading_plan.hpp>
#include <gradus/policy/loading/concept.hpp>

#include <cstdint>
#include <string_view>

namespace gradus {

/// When to use: on CUDA, with a set that fits beside model and activations (CIFAR-10: 157 MiB).
/// The host then draws an epoch's order and transforms, sends them once, and reads no pixel. The
/// same batches to the bit as from the other loading policies. On the CPU `Prefetch` is faster.
///
/// Held-out sets are still read in the training thread, as with `Plain`.
struct Resident {
  using slot = slot::loading;
  static constexpr std::string_view name = "Resident";
  static constexpr bool resident = true;

  std::int64_t batch_size = 256;
  bool drop_last = false;
  std::int64_t most_mib = 8192;

  static constexpr auto fields() {
    return fields_of(
        field("batch_size", &Resident::batch_size, at_least(1), "samples per micro-batch"),
        field("drop_last", &Resident::drop_last, "leave out a last batch that would be short"),
        field("most_mib", &Resident::most_mib, between(1, 1'048'576),
              "device memory that the set may take, in MiB"));
  }

  [[nodiscard]] LoadingPlan plan() const {
    constexpr std::int64_t mebibyte = 1 << 20;
    return {.batch_size = batch_size,
            .pin_memory = true,
            .drop_last = drop_last,
            .most_device_bytes = most_mib * mebibyte};
  }
};
static_assert(ResidentLoading<Resident>);

}  // namespace gradus
