/// The training loop of a trainer, from the run down to the step, which is in train/step.hpp.
/// Included by train/trainer.hpp.
#pragma once

#include <gradus/device/math_scope.hpp>
#include <gradus/device/peak_memory.hpp>
#include <gradus/train/basic_trainer.hpp>
#include <gradus/train/data/run_batches.hpp>
#include <gradus/train/data/stream_source.hpp>
#include <gradus/train/data/training_source.hpp>
#include <gradus/train/model/check_parameters.hpp>
#include <gradus/train/model/evaluation_mode.hpp>
#include <gradus/train/run/ranks.hpp>

#include <algorithm>
#include <exception>
#include <optional>
#include <utility>

namespace gradus {

template <class M, class Policies>
template <class Train, class AfterEpoch, class... Os>
History BasicTrainer<M, Policies>::fit_epochs(Train& train, const DataMark& held_out,
                                              const Measured& measured, AfterEpoch after_epoch,
                                              Os&... observers) try {
  const MathScope math(run_.math);
  const StepPlan plan = plan_of(train);
  begin_ranks({.train = mark_of(train), .held_out = held_out}, plan);
  check_length(at<slot::schedule>(), plan.total_steps());
  check_same_parameters(parameters(), *model());
  model_step_.check_own_weights("trained");
  start_training(*model());
  check_data_fits(train, plan);
  begin(train, held_out, plan);
  const TrainingSource source(train, at<slot::loading>(), run_.device, at<slot::sampling>());
  RunBatches batches(source, at<slot::augmentation>(), batch_weight(model_step_),
                     PassChoice{run_.seed, run_.overfit_batches.has_value(), share()});
  const std::int64_t epochs = run_.seconds_per_epoch ? 0 : plan.total_epochs();

  tell(FitBegin{epochs, plan.steps(), plan.epoch_samples(), progress_.steps, measured},
       observers...);
  const auto goes_on = [&] {  // also where the last epoch has its steps, but no record
    return (progress_.windows < plan.total_steps() || progress_.window > 0) && progress_.ended == 0;
  };
  while (goes_on()) {
    const bool out_of_data = !train_epoch(batches, plan, observers...);
    const FitStop stop{progress_.steps, plan.total_steps()};
    const bool limit = progress_.reached(run_.stop_after_steps);
    if (limit || out_of_data) history_.end = limit ? RunEnd::limit : RunEnd::out_of_data;
    if (out_of_data && progress_.windows == 0) {
      throw DataError("the stream has ended before the first step; give it samples.");
    }
    // There was nothing left to do up to the end.
    if (history_.end != RunEnd::whole && progress_.window == 0) break;
    if (limit) tell(stop, observers...);
    const auto record = judge_epoch(train, plan, after_epoch);
    if (!record && !limit) tell(stop, observers...);
    if (!record) {
      history_.end = RunEnd::interrupted;
      break;
    }

    const double rate =
        model_step_.rates_at(std::max<std::int64_t>(progress_.steps - 1, 0), plan.total_steps())
            .learning_rate;
    history_.epochs.push_back(*record);
    tell_policies(*record, plan);
    if (epoch_over(plan) || out_of_data) {
      progress_.end_epoch();
      clock_.end_epoch();
    }
    tell(EpochEnd{*record, epochs, rate}, observers...);
    if (history_.end != RunEnd::whole) break;
  }
  const bool planned = history_.end == RunEnd::whole && progress_.ended == 0;
  if (planned && progress_.windows != plan.total_steps()) {
    throw std::logic_error("gradus: the loop and the step plan disagree on the number of steps.");
  }
  history_.stopped_early =
      !planned && history_.end == RunEnd::whole && progress_.windows < plan.total_steps();
  if (history_.end == RunEnd::whole || history_.end == RunEnd::out_of_data) {
    model_step_.restore_best();
  }
  tell(FitEnd{&history_}, observers...);
  return history_;
} catch (const std::exception& error) {
  leave(ranks(), error);
  throw;
}

/// The rest of an epoch, as far as nobody asks for an end. Returns whether there are more data.
template <class M, class Policies>
template <class Batches, class... Os>
bool BasicTrainer<M, Policies>::train_epoch(Batches& batches, const StepPlan& plan,
                                            Os&... observers) {
  clock_.start();
  start_training(*model());
  begin_freezing();
  restart_peak_memory(run_.device);
  if (progress_.window == 0) meter_ = LossMeter();
  const double waited = batches.seconds_waited();
  bool ended = false;

  bool over = epoch_over(plan);
  while (!over && !progress_.reached(run_.stop_after_steps) && !interruption_.asked()) {
    batches.open(plan, progress_.windows);
    ended = batches.ended();
    if (ended) break;
    const StepContext context{.parameters = parameters(),
                              .seed = run_.seed,
                              .epoch = progress_.epoch,
                              .step = progress_.steps,
                              .total_steps = plan.total_steps()};
    const Rates rates = model_step_.rates_at(progress_.steps, plan.total_steps());
    const auto samples = batches.samples();
    const bool stepped = train_window(batches, plan, rates, context);
    ++(stepped ? progress_.epoch_steps : progress_.epoch_skipped);
    progress_.steps += stepped ? 1 : 0;
    progress_.samples += ranks() == nullptr ? batches.samples() - samples
                                            : plan.window_samples(progress_.windows - 1);
    ++progress_.window;
    stream_place_ = batches.place();

    StepEnd event{.epoch = progress_.epoch + 1,
                  .step = progress_.steps,
                  .total_steps = plan.total_steps(),
                  .samples = progress_.samples,
                  .learning_rate = rates.learning_rate,
                  .train_loss = {},
                  .warning = {}};
    over = epoch_over(plan);
    if (++progress_.windows_since_reading == run_.log_every_steps || over) read_losses(event);
    clock_.set_waited(batches.seconds_waited() - waited);
    event.train_seconds = clock_.run();
    tell(event, observers...);
    clear_gradients(parameters());
    batches.close_before(plan, progress_.windows);
  }
  clock_.stop();
  return !ended;
}

/// By the number of its steps, or of its seconds.
template <class M, class Policies>
bool BasicTrainer<M, Policies>::epoch_over(const StepPlan& plan) const {
  if (progress_.window == plan.steps() || progress_.windows == plan.total_steps()) return true;
  return run_.seconds_per_epoch && progress_.window > 0 &&
         as_first_says(ranks(), clock_.epoch() >= *run_.seconds_per_epoch);
}

/// Freezes and unfreezes for the epoch; steps that were captured before are captured again.
template <class M, class Policies>
void BasicTrainer<M, Policies>::begin_freezing() {
  if (!model_step_.begin_epoch(progress_.epoch)) return;
  if constexpr (Traits::captures) {
    if (captured_.graph()) captured_.graph()->forget();
  }
}

/// What came of the epoch; nothing if the run is interrupted before that is known.
template <class M, class Policies>
template <class Train, class AfterEpoch>
std::optional<EpochRecord> BasicTrainer<M, Policies>::judge_epoch(const Train& train,
                                                                  const StepPlan& plan,
                                                                  AfterEpoch after_epoch) {
  double train_seconds = clock_.epoch(), waiting_seconds = clock_.waited();
  agree(ranks(), interruption_, {&train_seconds, &waiting_seconds});
  if (interruption_.asked()) return std::nullopt;
  StepEnd rest;
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
