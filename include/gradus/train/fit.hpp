/// The training loop of a trainer, from the run down to the step. Included by train/trainer.hpp.
#pragma once

#include <gradus/train/trainer.hpp>

namespace gradus {

template <class M, class Policies>
template <class Train, class AfterEpoch, class... Os>
History BasicTrainer<M, Policies>::fit_epochs(const Train& train, AfterEpoch after_epoch,
                                              Os&... observers) {
  const StepPlan plan = this->plan(train.size());
  data::check_batch_size(plan.samples, plan.batch_size);
  steps_ = windows_ = samples_ = windows_since_reading_ = 0;
  seconds_before_ = 0;
  clear_gradients();

  History history;
  notify(FitBegin{plan.epochs, plan.steps(), plan.samples}, observers...);
  for (std::int64_t epoch = 0; epoch < plan.epochs && !stopped(); ++epoch) {
    auto record = train_epoch(train, plan, epoch, observers...);
    after_epoch(record);
    history.epochs.push_back(record);
    notify(EpochEnd{record, plan.epochs}, observers...);
  }
  if (!stopped() && windows_ != plan.total_steps()) {
    throw std::logic_error("gradus: the loop and the step plan disagree on the number of steps.");
  }
  notify(FitEnd{&history}, observers...);
  return history;
}

template <class M, class Policies>
template <class Train, class... Os>
EpochRecord BasicTrainer<M, Policies>::train_epoch(const Train& train, const StepPlan& plan,
                                                   std::int64_t epoch, Os&... observers) {
  begun_ = Clock::now();
  model_->train();
  data::Loader loader(
      at<slot::loading>().plan(), plan.batches(),
      TrainingFetch(train, at<slot::augmentation>(), plan.batch_size, run_.seed, epoch));
  data::DeviceFeed feed(loader, data::stream_copy_to(run_.device));
  LossMeter meter(run_.device);

  EpochRecord record;
  record.epoch = epoch + 1;
  for (std::int64_t window = 0; window < plan.steps() && !stopped(); ++window) {
    const StepContext context{.parameters = parameters_,
                              .seed = run_.seed,
                              .epoch = epoch,
                              .step = steps_,
                              .total_steps = plan.total_steps()};
    accumulate_gradients(feed, plan, window, context, meter);
    const Rates rates =
        at<slot::schedule>().at(steps_, plan.total_steps(), at<slot::optimizer>().lr);
    const bool stepped = optimizer_step(rates, context);
    ++(stepped ? record.optimizer_steps : record.skipped_steps);
    steps_ += stepped ? 1 : 0;
    samples_ += plan.window_samples(window);

    StepEnd event{.epoch = record.epoch,
                  .step = steps_,
                  .total_steps = plan.total_steps(),
                  .samples = samples_,
                  .learning_rate = rates.learning_rate,
                  .train_loss = {}};
    const bool last = window + 1 == plan.steps() || stopped();
    if (last || ++windows_since_reading_ == run_.log_every_steps) {
      event.train_loss = meter.read("training", steps_);
      windows_since_reading_ = 0;
    }
    event.train_seconds = seconds_trained();
    notify(event, observers...);
  }
  record.train_loss = meter.mean();
  record.samples = meter.samples();
  record.waiting_seconds = loader.seconds_waited();
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
                                                     std::int64_t window, StepContext context,
                                                     LossMeter& meter) {
  const auto samples = static_cast<double>(plan.window_samples(window));
  const double part = static_cast<double>(windows_++) / static_cast<double>(plan.total_steps());
  for (std::int64_t micro = 0; micro < plan.window_batches(window); ++micro) {
    context.micro_batch = micro;
    Batch batch = *feed.next();
    states_.template call<hook::before_forward>(policies_, batch, context);
    auto loss = states_.template around<hook::around_forward>(
        policies_, context, [&] { return forward_loss(batch, part); });
    meter.add(loss, batch.size());
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
}

/// Unscale once, step or skip, clear the gradients. Returns whether it stepped.
template <class M, class Policies>
bool BasicTrainer<M, Policies>::optimizer_step(const Rates& rates, const StepContext& context) {
  bool finite = true;
  if constexpr (has_scaler) {
    if (auto* scaler = at<slot::precision>().scaler(run_state<slot::precision>())) {
      scaler->unscale(gradients());
      finite = !scaler->found_inf();
      scaler->update();
    }
  }
  if (finite) {
    states_.template call<hook::before_step>(policies_, context);
    states_.template around<hook::around_step>(policies_, context, [&] {
      at<slot::optimizer>().step(run_state<slot::optimizer>(), rates);
    });
    states_.template call<hook::after_step>(policies_, context);
  }
  clear_gradients();
  return finite;
}

template <class M, class Policies>
template <data::Dataset Held>
Evaluation BasicTrainer<M, Policies>::evaluate(const Held& held) {
  const EvaluationMode evaluation_mode(*model_);
  const c10::InferenceMode inference;
  auto loading = at<slot::loading>().plan();
  loading.batch_size = run_.evaluation_batch_size;
  data::Loader loader(loading, data::batch_count(held.size(), loading.batch_size),
                      EvaluationFetch(held, loading.batch_size));
  data::DeviceFeed feed(loader, data::stream_copy_to(run_.device));

  LossMeter meter(run_.device);
  auto correct = at::zeros({}, at::device(run_.device).dtype(at::kLong));
  while (const auto batch = feed.next()) {
    [[maybe_unused]] const auto scope =
        at<slot::precision>().forward_scope(run_state<slot::precision>());
    const auto output = as_float32(model_->forward(at<slot::layout>().arrange(batch->input)));
    meter.add(at<slot::loss>().evaluate(output, batch->target), batch->size());
    if constexpr (requires { at<slot::loss>().correct(output, batch->target); }) {
      correct.add_(at<slot::loss>().correct(output, batch->target));
    }
  }
  return {.samples = meter.samples(),
          .correct = correct.template item<std::int64_t>(),
          .loss = meter.read("evaluation", steps_)};
}

}  // namespace gradus
