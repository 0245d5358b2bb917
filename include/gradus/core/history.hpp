/// What a run leaves behind: one record per epoch.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

namespace gradus {

/// Result of a pass over a held-out set.
struct Evaluation {
  std::int64_t samples = 0;
  std::int64_t correct = 0;
  double loss = 0;  ///< mean cross-entropy per sample

  [[nodiscard]] double accuracy() const {  ///< fraction
    return samples == 0 ? 0.0 : static_cast<double>(correct) / static_cast<double>(samples);
  }
};

/// One pass over the training data. Seconds are of a monotonic clock.
struct EpochRecord {
  std::int64_t epoch = 0;            ///< from 1
  double train_loss = 0;             ///< mean per sample, undivided by accumulation
  double train_seconds = 0;          ///< of this epoch, evaluation not counted
  double waiting_seconds = 0;        ///< part of train_seconds spent waiting for data
  std::int64_t samples = 0;          ///< trained on in this epoch
  std::int64_t optimizer_steps = 0;  ///< in this epoch, skipped ones not counted
  std::int64_t skipped_steps = 0;    ///< in this epoch: gradients that were not finite
  std::optional<Evaluation> test{};  ///< absent if no held-out set was given
  std::optional<Evaluation>
      test_flipped{};  ///< mean over each image and its mirror image, on request
};

/// How a run ended: by itself, after `stop_after_steps`, or because somebody or the clock asked.
enum class RunEnd { whole, limit, interrupted };

struct History {
  std::vector<EpochRecord> epochs;
  RunEnd end = RunEnd::whole;
};

}  // namespace gradus
