/// What a trainer tells its observers. An observer is any object with `on(const Event&)` for at
/// least one of these; it is called in the training thread, and what it does not take costs
/// nothing.
#pragma once

#include <gradus/core/history.hpp>
#include <gradus/core/monitor.hpp>

#include <cstdint>
#include <optional>
#include <string>

namespace gradus {

/// A run begins, or resumes: its length, and what will be evaluated.
struct FitBegin {
  std::int64_t epochs = 0;           ///< 0: not known, for each ends after so many seconds
  std::int64_t steps_per_epoch = 0;  ///< optimizer steps, at most
  std::int64_t samples_per_epoch = 0;
  std::int64_t steps_done = 0;  ///< before: of a run that resumes
  Measured measured{};          ///< after each epoch
};

/// After every optimizer step. `train_loss` is there once per log interval only, because reading it
/// waits for the device: the mean since the interval before. Meanwhile parameters still have the
/// gradients of the step, as the optimizer was given them; they are freed behind the last observer.
///
/// `gradient_norm` is there where `train_loss` is, unless no target of that step counted: the
/// 2-norm over all parameters of these gradients, before they were clipped. They are of the loss of
/// the whole step over all processes, without the factor of a gradient scaler. Of a step that was
/// skipped it may be infinite or not a number.
///
/// Where a run ends between two readings, within an epoch, and its last losses give a warning, the
/// last step is told again with their mean and the warning, without gradients.
struct StepEnd {
  std::int64_t epoch = 0;        ///< from 1
  std::int64_t step = 0;         ///< optimizer steps done in this run
  std::int64_t total_steps = 0;  ///< planned
  std::int64_t samples = 0;      ///< trained on in this run
  double learning_rate = 0;      ///< of this step
  double train_seconds = 0;      ///< since the run began, evaluation not counted
  std::optional<double> train_loss;
  std::optional<double> gradient_norm{};
  std::string warning;  ///< of the run's guard, in a sentence; mostly empty
};

/// An epoch is over, and its evaluation too if there is a held-out set.
struct EpochEnd {
  EpochRecord record;
  std::int64_t epochs = 0;   ///< planned; 0: not known
  double learning_rate = 0;  ///< of the last step
};

/// The run stops before its end. Nothing was read or evaluated since its last step: what is saved
/// now resumes bit for bit.
struct FitStop {
  std::int64_t step = 0;         ///< optimizer steps done in this run
  std::int64_t total_steps = 0;  ///< planned
};

/// The run is over; `history` has all of its epochs and is valid during the call only.
struct FitEnd {
  const History* history = nullptr;
};

}  // namespace gradus
