/// When a run is saved and what is kept.
#pragma once

#include <gradus/core/monitor.hpp>
#include <gradus/error.hpp>

#include <cmath>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <set>
#include <string>
#include <vector>

namespace gradus {

/// What a run does when a checkpoint cannot be written, such as to a full disk.
enum class OnSaveFailure {
  stop,  ///< the run ends with the error
  warn   ///< the error is announced, and the next save tries again
};

/// When a run is saved, and which of its checkpoints are kept. Each of the three intervals saves on
/// its own; 0 turns one off.
struct CheckpointPlan {
  std::int64_t every_epochs = 1;  ///< 0: not by epochs
  std::int64_t every_steps = 0;   ///< optimizer steps; 0: not by steps
  double every_seconds = 300;     ///< since the save before; 0: not by time
  std::int64_t keep_last = 2;
  bool keep_best = true;  ///< the epoch with the best monitored value is kept too
  MetricName best{};      ///< of the held-out set, if there is one
  OnSaveFailure on_failure = OnSaveFailure::stop;
  bool allow_not_finite = false;  ///< save and load weights that are not finite
  /// Files that grow with the run, such as metrics.jsonl, of different names: on the disk before a
  /// checkpoint, and cut to their length at that time when a run resumes from it. What writes to
  /// them flushes its own buffer after each line, or lines of it are lost.
  std::vector<std::filesystem::path> files{};
  std::function<void(const std::string&)> announce{};  ///< is told what does not end the run
};

/// Returns `plan`. Throws ConfigurationError for a number that no plan can have.
inline const CheckpointPlan& checked(const CheckpointPlan& plan) {
  const auto at_least = [](const char* name, std::int64_t value, std::int64_t least) {
    if (value >= least) return;
    throw ConfigurationError("checkpoints." + std::string(name) + " is " + std::to_string(value) +
                             ", but it takes a whole number of at least " + std::to_string(least) +
                             ".");
  };
  at_least("every_epochs", plan.every_epochs, 0);
  at_least("every_steps", plan.every_steps, 0);
  at_least("keep_last", plan.keep_last, 1);
  if (!std::isfinite(plan.every_seconds) || plan.every_seconds < 0) {
    throw ConfigurationError("checkpoints.every_seconds is " + std::to_string(plan.every_seconds) +
                             ", but it takes a finite number of at least 0.");
  }
  std::set<std::string> names;
  for (const auto& file : plan.files) {
    if (names.insert(file.filename().string()).second) continue;
    throw ConfigurationError("checkpoints.files has two files called '" + file.filename().string() +
                             "', but tells them apart by that name.");
  }
  return plan;
}

}  // namespace gradus
