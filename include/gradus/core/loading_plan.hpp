/// How batches reach the training step, in numbers: what a loading policy asks of a loader.
#pragma once

#include <cstdint>

namespace gradus {

/// What a loading policy asks of the loader: batch size, threads, and limits.
struct LoadingPlan {
  std::int64_t batch_size = 1;  ///< samples per micro-batch
  std::int64_t workers = 0;     ///< threads; 0 reads in the thread that trains
  std::int64_t prefetch = 2;    ///< batches ready ahead of the step, when there are workers
  bool pin_memory = false;      ///< page-locked host memory, when the device is CUDA
  bool drop_last = false;       ///< leave out a last batch that would be short
  double timeout_seconds = 60;  ///< longest wait for one batch; then an error names the worker
  std::int64_t most_device_bytes = 0;  ///< of a set that lies on the device; policy `Resident`
  bool resident_on_cpu = false;        ///< such a set lies so on the CPU too, else it is read
};

}  // namespace gradus
