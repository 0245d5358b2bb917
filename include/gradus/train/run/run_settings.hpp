/// What belongs to a run rather than to a policy: seed, epochs, device and limits.
#pragma once

#include <gradus/core/stop_request.hpp>
#include <gradus/device/device.hpp>
#include <gradus/device/math_settings.hpp>
#include <gradus/error.hpp>

#include <cstdint>
#include <optional>
#include <string>

namespace gradus {

/// What belongs to a run and not to a policy: seed, length, device, evaluation and limits.
struct RunSettings {
  std::uint64_t seed = 0;  ///< of the order of samples and their augmentation
  std::int64_t epochs = 5;
  /// The length of the run in optimizer steps, in place of `epochs`: a schedule is made for so
  /// many. Under float16, or with captured steps, 12 bytes are kept for each.
  std::optional<std::int64_t> max_steps{};
  /// An epoch ends, with its evaluation, after so many optimizer steps instead of a pass over the
  /// data; the next one continues that pass.
  std::optional<std::int64_t> steps_per_epoch{};
  /// Likewise after so many seconds of training; `max_steps` says how long the run is.
  std::optional<double> seconds_per_epoch{};
  c10::Device device = default_device();
  std::int64_t log_every_steps = 50;                  ///< steps between two readings of the loss
  std::int64_t evaluation_batch_size = 500;           ///< samples
  std::int64_t sanity_samples = 64;                   ///< evaluated before step 0; 0: none
  bool evaluate_flipped = false;                      ///< also report the mean over mirror images
  std::optional<std::int64_t> limit_train_batches{};  ///< per epoch
  std::optional<std::int64_t> limit_test_batches{};   ///< per evaluation
  /// Every epoch trains on the same so many batches, to see whether a model can learn at all.
  std::optional<std::int64_t> overfit_batches{};
  /// Ends the run early, after so many optimizer steps.
  std::optional<std::int64_t> stop_after_steps{};
  /// Ends the run after the step that runs, or the batch that is evaluated, once it is asked. Must
  /// outlive the run.
  const StopRequest* stop = nullptr;
  std::optional<double> stop_after_seconds{};  ///< likewise, of wall-clock time since `fit` began
  bool allow_other_data = false;               ///< a loaded run may resume with other training data
  /// How the device may compute, while the run trains and evaluates.
  MathSettings math{};
};

/// Returns `run`. Throws ConfigurationError for a number that no run can have.
inline const RunSettings& checked(const RunSettings& run) {
  constexpr std::int64_t most_epochs = 1'000'000;  // so that steps can be counted
  constexpr std::int64_t most_steps = 1'000'000'000;
  const auto at_least_one = [](const char* name, std::int64_t value) {
    if (value >= 1) return;
    throw ConfigurationError(std::string(name) + " is " + std::to_string(value) +
                             ", but it takes a whole number of at least 1.");
  };
  at_least_one("epochs", run.epochs);
  if (run.epochs > most_epochs) {
    throw ConfigurationError("epochs is " + std::to_string(run.epochs) +
                             ", but it takes a whole number of at most 1000000.");
  }
  at_least_one("max_steps", run.max_steps.value_or(1));
  if (run.max_steps.value_or(1) > most_steps) {
    throw ConfigurationError("max_steps is " + std::to_string(*run.max_steps) +
                             ", but it takes a whole number of at most 1000000000.");
  }
  at_least_one("steps_per_epoch", run.steps_per_epoch.value_or(1));
  if (run.steps_per_epoch.value_or(1) > most_steps / (run.max_steps ? 1 : run.epochs)) {
    throw ConfigurationError("steps_per_epoch is " + std::to_string(*run.steps_per_epoch) +
                             ", but a run takes at most 1000000000 steps.");
  }
  if (!(run.seconds_per_epoch.value_or(1) > 0)) {
    throw ConfigurationError("seconds_per_epoch is " + std::to_string(*run.seconds_per_epoch) +
                             ", but it takes a number above 0.");
  }
  if (run.seconds_per_epoch && (!run.max_steps || run.steps_per_epoch)) {
    throw ConfigurationError(
        "seconds_per_epoch is given " +
        std::string(run.max_steps ? "beside steps_per_epoch; choose one of the two."
                                  : "without max_steps, so no schedule knows how long the run is; "
                                    "set max_steps."));
  }
  at_least_one("log_every_steps", run.log_every_steps);
  at_least_one("evaluation_batch_size", run.evaluation_batch_size);
  if (run.sanity_samples < 0) {
    throw ConfigurationError("sanity_samples is " + std::to_string(run.sanity_samples) +
                             ", but it takes a whole number of at least 0.");
  }
  at_least_one("limit_train_batches", run.limit_train_batches.value_or(1));
  at_least_one("limit_test_batches", run.limit_test_batches.value_or(1));
  at_least_one("overfit_batches", run.overfit_batches.value_or(1));
  at_least_one("stop_after_steps", run.stop_after_steps.value_or(1));
  if (!(run.stop_after_seconds.value_or(1) > 0)) {
    throw ConfigurationError("stop_after_seconds is " + std::to_string(*run.stop_after_seconds) +
                             ", but it takes a number above 0.");
  }
  checked(run.device);
  checked(run.math);
  return run;
}

}  // namespace gradus
