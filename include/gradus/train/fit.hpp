/// The training loop of a trainer, from the run down to the step, which is in train/step.hpp.
/// Included by train/trainer.hpp.
#pragma once

#include <gradus/device/math_scope.hpp>
#include <gradus/train/basic_trainer.hpp>
#include <gradus/train/data/training_source.hpp>
#include <gradus/train/model/check_parameters.hpp>
#include <gradus/train/model/evaluation_mode.hpp>
#include <gradus/train/model/gradients.hpp>

#include <algorithm>
#include <optional>
#include <utility>

namespace gradus {

template <class M, class Policies>
template <class Train, class AfterEpoch, class... Os>
History BasicTrainer<M, Policies>::fit_epochs(const Train& train, const DataMark& held_out,
                                              const Measured& measured, AfterEpoch after_epoch,
                                              Os&... observers) {
  const MathScope math(run_.math);
  const StepPlan plan = this->plan(train.size());
  data::check_batch_size(plan.samples, plan.batch_size);
  check_length(at<slot::schedule>(), plan.total_steps());
  check_same_parameters(parameters(), *model());
  model_step_.check_own_weights("trained");
  start_training(*model());
  check_smallest_batch(train, plan);
  begin({.train = mark_of(train), .held_out = held_out}, plan);
  const TrainingSource source(train, at<slot::loading>(), run_.device);

  notify(
      FitBegin{plan.total_epochs(), plan.steps(), plan.samples_used(), progress_.steps, measured},
      observers...);
  while (progress_.epoch < plan.total_epochs() && progress_.ended == 0) {
    train_epoch(source, plan, observers...);
    const FitStop stop{progress_.steps, plan.total_steps()};
    const bool limit = progress_.reached(run_.stop_after_steps);
    if (limit && progress_.window == 0) {  // there was nothing left to do up to it
      history_.end = RunEnd::limit;
      break;
    }
    if (limit) notify(stop, observers...);
    const auto record = judge_epoch(train, plan, after_epoch);
    if (!record && !limit) notify(stop, observers...);
    if (!record) {
      history_.end = RunEnd::interrupted;
      break;
    }

    const double rate =
        model_step_.rates_at(std::max<std::int64_t>(progress_.steps - 1, 0), plan.total_steps())
            .learning_rate;
    history_.epochs.push_back(*record);
    tell_policies(*record, plan);
    if (progress_.window == plan.steps_of(progress_.epoch)) {
      progress_.end_epoch();
      clock_.end_epoch();
    }
    notify(EpochEnd{*record, plan.total_epochs(), rate}, observers...);
    if (limit) {
      history_.end = RunEnd::limit;
      break;
    }
  }
  const bool planned = history_.end == RunEnd::whole && progress_.ended == 0;
  if (planned && progress_.windows != plan.total_steps()) {
    throw std::logic_error("gradus: the loop and the step plan disagree on the number of steps.");
  }
  if (history_.end == RunEnd::whole) model_step_.restore_best();
  notify(FitEnd{&history_}, observers...);
  return history_;
}

/// The rest of an epoch, as far as nobody asks for an end.
template <class M, class Policies>
template <class Source, class... Os>
void BasicTrainer<M, Policies>::train_epoch(const Source& source, const StepPlan& plan,
                                            Os&... observers) {
  clock_.start();
  start_training(*model());
  begin_freezing();
  const auto steps = plan.steps_of(progress_.epoch);
  const auto batches = plan.batches_of(progress_.epoch);
  const auto done = std::min(plan.first_batch(progress_.window), batches);
  auto feed = source.epoch(at<slot::augmentation>(), batch_weight(model_step_),
                           {.seed = run_.seed,
                            .epoch = run_.overfit_batches ? 0 : progress_.epoch,
                            .first = done,
                            .count = batches - done});
  if (progress_.window == 0) meter_ = LossMeter();

  while (progress_.window < steps && !progress_.reached(run_.stop_after_steps) &&
         !interruption_.asked()) {
    const StepContext context{.parameters = parameters(),
                              .seed = run_.seed,
                              .epoch = progress_.epoch,
                              .step = progress_.steps,
                              .total_steps = plan.total_steps()};
    const Rates rates = model_step_.rates_at(progress_.steps, plan.total_steps());
    const bool stepped = train_window(feed, plan, rates, context);
    ++(stepped ? progress_.epoch_steps : progress_.epoch_skipped);
    progress_.steps += stepped ? 1 : 0;
    progress_.samples += plan.window_samples(progress_.window++);

    StepEnd event{.epoch = progress_.epoch + 1,
                  .step = progress_.steps,
                  .total_steps = plan.total_steps(),
                  .samples = progress_.samples,
                  .learning_rate = rates.learning_rate,
                  .train_loss = {},
                  .warning = {}};
    const bool last = progress_.window == steps;
    if (++progress_.windows_since_reading == run_.log_every_steps || last) read_losses(event);
    clock_.set_waited(feed.seconds_waited());
    event.train_seconds = clock_.run();
    notify(event, observers...);
  }
  clock_.stop();
}

/// Freezes and thaws for the epoch; steps that were captured before are captured again.
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
  if (interruption_.asked()) return std::nullopt;
  StepEnd rest;
  if (progress_.windows_since_reading > 0) read_losses(rest);
  EpochRecord record{.epoch = progress_.epoch + 1,
                     .train_loss = meter_.mean(),
                     .train_seconds = clock_.epoch(),
                     .waiting_seconds = clock_.waited(),
                     .samples = meter_.samples(),
                     .optimizer_steps = progress_.epoch_steps,
                     .skipped_steps = progress_.epoch_skipped};
  try {
    renew_statistics(train, plan, run_.overfit_batches ? 0 : progress_.epoch);
    after_epoch(record);
  } catch (const Interruption::Now&) {
    return std::nullopt;
  }
  return record;
}

/// What a run begins with: counts at zero, no gradients, run states as new but for the optimizer's;
/// or what was loaded.
template <class M, class Policies>
void BasicTrainer<M, Policies>::begin(const DataMarks& data, const StepPlan& plan) {
  if (goes_on_) {
    check_data(*this, data_, data);
    check_plan(progress_, plan);
  }
  const bool goes_on = std::exchange(goes_on_, false);
  data_ = data;
  if (!goes_on) {
    progress_ = {.planned_steps = plan.steps(), .planned_total = plan.max_steps.value_or(0)};
    history_ = {};
    clock_ = {};
    meter_ = LossMeter();
    model_step_.restart();
  }
  history_.end = RunEnd::whole;
  interruption_.begin(run_.stop, run_.stop_after_seconds);
  clear_gradients(parameters());
  begin_execution(plan, goes_on);
  if (model_step_.device_steps() && goes_on) {
    progress_.take_off(-meter_.skipped_on_device());  // as the reading will
  }
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
  const auto reading = meter_.read();
  progress_.windows_since_reading = 0;
  if (model_step_.device_steps()) {
    progress_.take_off(reading.skipped_on_device);
    event.step = progress_.steps;
  }
  event.train_loss = reading.mean;
  auto& guard = model_step_.guard();
  event.warning = guard.check_reading(reading, parameters(), place_);
  guard.count(reading.windows, reading.skipped_in_a_row, parameters(), place_);
}

}  // namespace gradus
