/// How `compare --demo` cuts the work to what a small machine does in a few minutes.
#pragma once

#include "options.hpp"

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace cifar10 {

/// What is left of the full comparison: width 64, all samples, 5 epochs, batches as the types say.
struct Reduction {
  std::int64_t width = 64;
  std::int64_t samples = 50000;  ///< of the training set
  std::int64_t epochs = 5;
  std::int64_t batch_divisor = 1;  ///< of the large batches, so that enough optimizer steps remain
  double unoptimized_rate = 0;     ///< training images per second at that width, measured
  double full_rate = 0;            ///< the same at width 64
};

/// Training images per second of `unoptimized` at a width.
using MeasureRate = std::function<double(std::int64_t width)>;

/// The least reduced comparison whose training fits in `budget_seconds`, as far as the measured
/// rates tell; the smallest there is if none fits. `samples` are those of the data set.
[[nodiscard]] Reduction reduce(const MeasureRate& rate, std::int64_t samples,
                               double budget_seconds);

struct ConfiguredBatch {
  std::string configuration;
  std::int64_t batch_size = 0;
};

/// Writes the reduction into the options: numbers, settings, and notes that say what and why.
/// `batches` are those of the configurations that are compared; the large ones are divided.
void apply(const Reduction& reduction, std::int64_t samples,
           const std::vector<ConfiguredBatch>& batches, Options& options);

}  // namespace cifar10
