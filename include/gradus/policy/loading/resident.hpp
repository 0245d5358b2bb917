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
/// same batches to the bit as from the other loading policies.
///
/// On the CPU batches are read as with `Prefetch`, which is faster there, unless `on_cpu`. Held-out
/// sets are read so on every device.
struct Resident {
  using slot = slot::loading;
  static constexpr std::string_view name = "Resident";
  static constexpr bool resident = true;

  std::int64_t batch_size = 256;
  bool drop_last = false;
  std::int64_t most_mib = 8192;
  bool on_cpu = false;
  std::int64_t workers = 2;
  std::int64_t ahead = 4;

  static constexpr auto fields() {
    return fields_of(
        field("batch_size", &Resident::batch_size, at_least(1), "samples per micro-batch"),
        field("drop_last", &Resident::drop_last, "leave out a last batch that would be short"),
        field("most_mib", &Resident::most_mib, between(1, 1'048'576),
              "device memory that the set may take, in MiB"),
        field("on_cpu", &Resident::on_cpu, "make batches from a copy on the CPU too"),
        field("workers", &Resident::workers, between(0, 256),
              "threads that read what is not resident; 0: the training thread"),
        field("ahead", &Resident::ahead, between(1, 1024), "batches prepared ahead"));
  }

  [[nodiscard]] LoadingPlan plan() const {
    constexpr std::int64_t mebibyte = 1 << 20;
    return {.batch_size = batch_size,
            .workers = workers,
            .prefetch = ahead,
            .pin_memory = true,
            .drop_last = drop_last,
            .most_device_bytes = most_mib * mebibyte,
            .resident_on_cpu = on_cpu};
  }
};
static_assert(ResidentLoading<Resident>);

}  // namespace gradus
