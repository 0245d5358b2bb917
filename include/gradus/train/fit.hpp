/// The training loop of a trainer, from the run down to the step. Included by train/trainer.hpp.
#pragma once

#include <gradus/core/math_scope.hpp>
#include <gradus/train/basic_trainer.hpp>
#include <gradus/train/training_source.hpp>

#include <algorithm>
#include <utility>

namespace gradus {

template <class M, class Policies>
template <class Train, class AfterEpoch, class... Os>
History BasicTrainer<M, Policies>::fit_epochs(const Train& train, AfterEpoch after_epoch,
                                              Os&... observers) {
  const MathScope math(run_.math);
  const StepPlan plan = this->plan(train.size());
  data::check_batch_size(plan.samples, plan.batch_size);
  check_smallest_batch(train, plan);
  begin(plan);
  const TrainingSource source(train, at<slot::loading>(), run_.device);

  History history;
  bool ended = false;
  notify(FitBegin{plan.epochs, plan.steps(), plan.samples_used()}, observers...);
  while (progress_.epoch < plan.epochs && !stopped() && !ended) {
    auto record = train_epoch(source, plan, observers...);
    renew_statistics(train, plan, progress_.epoch);
    after_epoch(record);
    ended = ends_run(record);
    if (progress_.window == plan.steps()) progress_.end_epoch();
    history.epochs.push_back(record);
    notify(EpochEnd{record, plan.epochs}, observers...);
  }
  if (!stopped() && !ended && progress_.windows != plan.total_steps()) {
    throw std::logic_error("gradus: the loop and the step plan disagree on the number of steps.");
  }
  notify(FitEnd{&history}, observers...);
  return history;
}

template <class M, class Policies>
template <class Source, class... Os>
EpochRecord BasicTrainer<M, Policies>::train_epoch(const Source& source, const StepPlan& plan,
                                                   Os&... observers) {
  begun_ = Clock::now();
  model_->train();
  const auto done = std::min(plan.first_batch(progress_.window), plan.batches());
  auto feed =
      source.epoch(at<slot::augmentation>(), {.seed = run_.seed,
                                              .epoch = run_.overfit_batches ? 0 : progress_.epoch,
                                              .first = done,
                                              .count = plan.batches() - done});
  if (progress_.window == 0) meter_ = LossMeter();

  EpochRecord record;
  record.epoch = progress_.epoch + 1;
  while (progress_.window < plan.steps() && !stopped()) {
    const StepContext context{.parameters = parameters_,
                              .seed = run_.seed,
                              .epoch = progress_.epoch,
                              .step = progress_.steps,
                              .total_steps = plan.total_steps()};
    accumulate_gradients(feed, plan, context);
    const Rates rates = rates_at(progress_.steps, plan.total_steps());
    const bool stepped = optimizer_step(rates, context);
    ++(stepped ? progress_.epoch_steps : progress_.epoch_skipped);
    progress_.steps += stepped ? 1 : 0;
    progress_.samples += plan.window_samples(progress_.window++);

    StepEnd event{.epoch = record.epoch,
                  .step = progress_.steps,
                  .total_steps = plan.total_steps(),
                  .samples = progress_.samples,
                  .learning_rate = rates.learning_rate,
                  .train_loss = {}};
    const bool last = progress_.window == plan.steps() || stopped();
    if (++progress_.windows_since_reading == run_.log_every_steps || last) read_losses(event);
    event.train_seconds = seconds_trained();
    notify(event, observers...);
  }
  record.optimizer_steps = progress_.epoch_steps;
  record.skipped_steps = progress_.epoch_skipped;
  record.train_loss = meter_.mean();
  record.samples = meter_.samples();
  record.waiting_seconds = feed.seconds_waited();
  record.train_seconds = seconds_trained() - seconds_before_;
  seconds_before_ += record.train_seconds;
  return record;
}

/// Forward and backward over the micro-batches of one window. Each loss is weighted by its samples
/// over the window's, so that the gradient is that of the mean over the window, short batches
/// included.
template <class M, class Policies>
template <class Feed>
void BasicTrainer<M, Policies>::accumulate_gradients(Feed& feed, const StepPlan& plan,
                                                     StepContext context) {
  const auto window = progress_.window;
  const auto samples = static_cast<double>(plan.window_samples(window));
  const double part =
      static_cast<double>(progress_.windows++) / static_cast<double>(plan.total_steps());
  for (std::int64_t micro = 0; micro < plan.window_batches(window); ++micro) {
    context.micro_batch = micro;
    place_ = {context.epoch + 1, progress_.windows, plan.first_batch(window) + micro + 1,
              micro + 1};
    Batch batch = *feed.next();
    states_.template call<hook::before_forward>(policies_, batch, context);
    if constexpr (PolicyAt<slot::mixing>::mixes) {
      at<slot::mixing>().mix(batch, mix(run_.seed, context.epoch, place_.batch));
    }
    auto loss = states_.template around<hook::around_forward>(
        policies_, context, [&] { return forward_loss(batch, part); });
    meter_.add(loss, batch.size(), place_);
    states_.template call<hook::before_backward>(policies_, loss, context);
    const double weight = static_cast<double>(batch.size()) / samples;
    if (weight != 1) loss = loss * weight;
    if constexpr (has_scaler) {
      if (const auto* scaler = at<slot::precision>().scaler(run_state<slot::precision>())) {
        loss = scaler->scale(loss);
      }
    }
    loss.backward();
  }
  if (progress_.windows == 1) guard_.check_first_gradients(parameters_);
}

/// Unscale once, clip, step or skip, adapt the scale, clear the gradients. Returns whether it
/// stepped; where only the device knows, that it did, until the next reading.
template <class M, class Policies>
bool BasicTrainer<M, Policies>::optimizer_step(const Rates& rates, const StepContext& context) {
  bool finite = true;
  if constexpr (has_scaler) {
    if (auto* scaler = at<slot::precision>().scaler(run_state<slot::precision>())) {
      scaler->unscale(gradients_of(parameters_));
      if (!device_steps_) finite = !scaler->found_inf();
    }
  }
  finite = finite && guard_.allows_step(parameters_, meter_, place_);
  if constexpr (PolicyAt<slot::clipping>::clips) {
    if (finite) at<slot::clipping>().clip(gradients_of(parameters_));
  }
  if (device_steps_) {
    if constexpr (can_skip_on_device) {
      const auto& found_inf =
          at<slot::precision>().scaler(run_state<slot::precision>())->found_inf_flag();
      at<slot::optimizer>().step_on_device(run_state<slot::optimizer>(), rates,
                                           device_steps_->rate(), found_inf);
      device_steps_->advance(found_inf);
      meter_.end_window(found_inf);
    }
  } else {
    if (finite) take_step(rates, context);
    meter_.end_window(/*skipped=*/!finite);
  }
  if constexpr (has_scaler) {
    if (auto* scaler = at<slot::precision>().scaler(run_state<slot::precision>())) {
      scaler->update();
    }
  }
  clear_gradients(parameters_);
  return finite;
}

template <class M, class Policies>
void BasicTrainer<M, Policies>::take_step(const Rates& rates, const StepContext& context) {
  states_.template call<hook::before_step>(policies_, context);
  states_.template around<hook::around_step>(
      policies_, context, [&] { at<slot::optimizer>().step(run_state<slot::optimizer>(), rates); });
  if constexpr (averages) at<slot::averaging>().update(run_state<slot::averaging>(), context);
  states_.template call<hook::after_step>(policies_, context);
}

/// What a run begins with: counts at zero, no gradients, a new watch; or what was loaded.
template <class M, class Policies>
void BasicTrainer<M, Policies>::begin(const StepPlan& plan) {
  const bool goes_on = std::exchange(goes_on_, false);
  if (!goes_on) {
    progress_ = {};
    guard_ = NumericGuard(at<slot::guard>().plan());
  }
  seconds_before_ = 0;
  clear_gradients(parameters_);
  device_steps_.reset();
  if constexpr (can_skip_on_device) {
    const bool scales = at<slot::precision>().scaler(run_state<slot::precision>()) != nullptr;
    const bool host_decides = sets_momentum(at<slot::schedule>()) || run_.stop_after_steps ||
                              at<slot::guard>().plan().each_step;
    if (!scales || host_decides || !at<slot::optimizer>().steps_on_device()) return;
    device_steps_.emplace(plan.total_steps(), run_.device, [&](std::int64_t step) {
      return rates_at(step, plan.total_steps()).learning_rate;
    });
    if (goes_on) device_steps_->load(device_steps_state_);
  }
}

template <class M, class Policies>
Rates BasicTrainer<M, Policies>::rates_at(std::int64_t step, std::int64_t total_steps) const {
  const double own = at<slot::optimizer>().lr;
  if constexpr (PureSchedulePolicy<PolicyAt<slot::schedule>>) {
    return at<slot::schedule>().at(step, total_steps, own);
  } else {
    return at<slot::schedule>().at(state<slot::schedule>(), step, total_steps, own);
  }
}

/// Tells the policies that follow the results. Returns whether the run ends here.
template <class M, class Policies>
bool BasicTrainer<M, Policies>::ends_run(const EpochRecord& record) {
  if constexpr (!PureSchedulePolicy<PolicyAt<slot::schedule>>) {
    at<slot::schedule>().after_epoch(run_state<slot::schedule>(), record);
  }
  if constexpr (std::is_empty_v<state_of<PolicyAt<slot::stopping>>>) {
    return at<slot::stopping>().stop(record);
  } else {
    return at<slot::stopping>().stop(run_state<slot::stopping>(), record);
  }
}

/// The one place where a run waits for the device.
template <class M, class Policies>
void BasicTrainer<M, Policies>::read_losses(StepEnd& event) {
  const auto reading = meter_.read();
  progress_.windows_since_reading = 0;
  if (device_steps_) {
    progress_.steps -= reading.skipped;
    progress_.epoch_steps -= reading.skipped;
    progress_.epoch_skipped += reading.skipped;
    event.step = progress_.steps;
  }
  event.train_loss = reading.mean;
  guard_.check_reading(reading, parameters_, place_);
  guard_.count(reading.windows, reading.skipped_in_a_row, parameters_, place_);
}

}  // namespace gradus
