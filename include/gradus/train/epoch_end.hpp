/// The end of an epoch: its record, and the policies that follow results. Included by
/// train/trainer.hpp.
#pragma once

#include <gradus/core/events.hpp>
#include <gradus/core/history.hpp>
#include <gradus/core/step_plan.hpp>
#include <gradus/data/dataset.hpp>
#include <gradus/device/peak_memory.hpp>
#include <gradus/error.hpp>
#include <gradus/train/basic_trainer.hpp>
#include <gradus/train/run/interruption.hpp>
#include <gradus/train/run/ranks.hpp>
#include <gradus/train/run/run_progress.hpp>

#include <cstdint>
#include <optional>
#include <type_traits>

namespace gradus {

/// How a run ends before its plan does: at a limit of steps, or with its stream; unfinished where
/// it continues. With its last step it ends by itself. Throws DataError for a stream without a
/// step.
inline RunEnd end_before_plan(const RunProgress& progress, const StepPlan& plan,
                              const std::optional<std::int64_t>& limit, bool out_of_data) {
  if (out_of_data && progress.windows == 0) {
    throw DataError(
        plan.drop_last ? "the stream has ended without a whole batch; give it more samples, or set "
                         "loading.drop_last to false."
                       : "the stream has ended before the first step; give it samples.");
  }
  if (progress.reached(limit) && progress.windows < plan.total_steps()) return RunEnd::limit;
  return out_of_data ? RunEnd::out_of_data : RunEnd::unfinished;
}

/// What came of the epoch; nothing if the run is interrupted before that is known. `rest` gets what
/// is read of its last losses, if they were not read yet.
template <class M, class Policies>
template <class Train, class AfterEpoch>
std::optional<EpochRecord> BasicTrainer<M, Policies>::judge_epoch(const Train& train,
                                                                  const StepPlan& plan,
                                                                  StepEnd& rest,
                                                                  AfterEpoch after_epoch) {
  double train_seconds = clock_.epoch(), waiting_seconds = clock_.waited();
  agree(ranks(), interruption_, {&train_seconds, &waiting_seconds});
  if (interruption_.asked()) return std::nullopt;
  if (progress_.windows_since_reading > 0) read_losses(rest);
  EpochRecord record{.epoch = progress_.epoch + 1,
                     .train_loss = meter_.mean(),
                     .train_seconds = train_seconds,
                     .waiting_seconds = waiting_seconds,
                     .samples = meter_.samples(),
                     .optimizer_steps = progress_.epoch_steps,
                     .skipped_steps = progress_.epoch_skipped,
                     .flops = progress_.epoch_flops};
  share_values(ranks(), unique_buffers(*model()));  // those are evaluated and saved
  try {
    if constexpr (data::Dataset<Train>) renew_statistics(train, plan);
    after_epoch(record);
  } catch (const Interruption::Now&) {
    return std::nullopt;
  }
  record.peak_memory = peak_memory(run_.device);
  return record;
}

/// Tells the policies that follow the results, one of which may end the run.
template <class M, class Policies>
void BasicTrainer<M, Policies>::tell_policies(const EpochRecord& record, const StepPlan& plan) {
  if constexpr (!PureSchedulePolicy<PolicyAt<slot::schedule>>) {
    at<slot::schedule>().after_epoch(model_step_.template state<slot::schedule>(), record);
    if (auto& device_steps = model_step_.device_steps()) {
      const auto total = plan.total_steps();
      device_steps->set_rates(
          [&](std::int64_t step) { return model_step_.rates_at(step, total).learning_rate; });
    }
  }
  if constexpr (std::is_empty_v<state_of<PolicyAt<slot::stopping>>>) {
    progress_.ended = at<slot::stopping>().stop(record) ? 1 : 0;
  } else {
    auto& state = model_step_.template state<slot::stopping>();
    progress_.ended = at<slot::stopping>().stop(state, record) ? 1 : 0;
    if constexpr (requires { at<slot::stopping>().keeps(state); }) {
      if (at<slot::stopping>().keeps(state)) model_step_.keep_best();
    }
  }
}

/// The one place where a run waits for the device.
template <class M, class Policies>
void BasicTrainer<M, Policies>::read_losses(StepEnd& event) {
  const auto reading = meter_.read(model_step_.gradient_norm());
  progress_.windows_since_reading = 0;
  if (model_step_.device_steps()) {
    progress_.take_off(reading.skipped_on_device);
    event.step = progress_.steps;
  }
  event.train_loss = reading.mean;
  if (reading.mean) event.gradient_norm = reading.also;
  auto& guard = model_step_.guard();
  event.warning = guard.check_reading(reading, parameters(), place_);
  guard.count(reading.windows, reading.skipped_in_a_row, parameters(), place_);
}

}  // namespace gradus
