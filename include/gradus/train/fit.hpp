/// The training loop of a trainer, from the run down to the step, which is in train/step.hpp.
/// Included by train/trainer.hpp.
#pragma once

#include <gradus/device/math_scope.hpp>
#include <gradus/device/peak_memory.hpp>
#include <gradus/train/basic_trainer.hpp>
#include <gradus/train/data/run_batches.hpp>
#include <gradus/train/data/stream_source.hpp>
#include <gradus/train/data/training_source.hpp>
#include <gradus/train/epoch_end.hpp>
#include <gradus/train/model/check_parameters.hpp>
#include <gradus/train/model/evaluation_mode.hpp>
#include <gradus/train/open_run.hpp>
#include <gradus/train/run/ranks.hpp>

#include <algorithm>
#include <exception>
#include <optional>
#include <tuple>
#include <utility>

namespace gradus {

template <class M, class Policies>
template <class Train, class AfterEpoch, class... Os>
History BasicTrainer<M, Policies>::fit_epochs(Train& train, const DataMark& held_out,
                                              const Measured& measured, AfterEpoch after_epoch,
                                              Os&... observers) try {
  open_run_.check("trained");
  const MathScope math(run_.math);
  const StepPlan plan = plan_of(train);
  begin_ranks({.train = mark_of(train), .held_out = held_out}, plan);
  check_length(policies(), plan.total_steps());
  check_same_parameters(parameters(), *model());
  model_step_.check_own_weights("trained");
  start_training(*model());
  check_data_fits(train, plan);
  begin(train, held_out, plan);
  std::optional<OpenRun::Scope> run(std::in_place, open_run_, parameters());
  const TrainingSource source(train, at<slot::loading>(), run_.device, at<slot::sampling>());
  RunBatches batches(source, at<slot::augmentation>(), batch_weight(model_step_),
                     PassChoice{run_.seed, run_.overfit_batches.has_value(), share()});
  const std::int64_t epochs = run_.seconds_per_epoch ? 0 : plan.total_epochs();
  RunEnd end = RunEnd::unfinished;

  tell(FitBegin{epochs, plan.steps(), plan.epoch_samples(), progress_.steps, measured},
       observers...);
  const auto goes_on = [&] {  // also where the last epoch has its steps, but no record
    return (progress_.windows < plan.total_steps() || progress_.window > 0) && progress_.ended == 0;
  };
  while (goes_on()) {
    const bool out_of_data = !train_epoch(batches, plan, observers...);
    const FitStop stop{progress_.steps, plan.total_steps()};
    end = end_before_plan(progress_, plan, run_.stop_after_steps, out_of_data);
    // There was nothing left to do up to the end.
    if (end != RunEnd::unfinished && progress_.window == 0) break;
    const bool limit = end == RunEnd::limit;
    if (limit) tell(stop, observers...);
    const auto last_rate = [&] {
      const auto last = std::max<std::int64_t>(progress_.steps - 1, 0);
      return model_step_.rates_at(last, plan.total_steps()).learning_rate;
    };
    auto rest = progress_.step_end(plan.total_steps(), last_rate(), clock_.run());
    // A state that is saved behind a cut epoch resumes within it, as if nothing had been read.
    const bool cut = limit && !epoch_over(plan);
    const auto unread = std::tuple(meter_, progress_, model_step_.guard());
    const auto record = judge_epoch(train, plan, rest, after_epoch);
    rest.learning_rate = last_rate();  // steps that the device skipped are taken off
    if (cut) std::tie(meter_, progress_, model_step_.guard()) = unread;
    if (!rest.warning.empty()) tell(rest, observers...);
    if (!record && !limit) tell(stop, observers...);
    if (!record) {
      end = RunEnd::interrupted;
      break;
    }

    history_.epochs.push_back(*record);
    if (!cut) {
      tell_policies(*record, plan);
      progress_.end_epoch();
      clock_.end_epoch();
    }
    if (limit && progress_.ended != 0) end = RunEnd::unfinished;  // but by itself
    tell(EpochEnd{*record, epochs, rest.learning_rate}, observers...);
    if (end != RunEnd::unfinished) break;
  }
  history_.end = end == RunEnd::unfinished ? RunEnd::whole : end;
  const bool planned = history_.end == RunEnd::whole && progress_.ended == 0;
  if (planned && progress_.windows != plan.total_steps()) {
    throw std::logic_error("gradus: the loop and the step plan disagree on the number of steps.");
  }
  history_.stopped_early =
      !planned && history_.end == RunEnd::whole && progress_.windows < plan.total_steps();
  if (history_.end == RunEnd::whole || history_.end == RunEnd::out_of_data) {
    model_step_.restore_best();
  }
  run.reset();
  tell(FitEnd{&history_}, observers...);
  return history_;
} catch (const std::exception& error) {
  if (!open_run_.is_open()) leave(ranks(), error);  // else this is a call within another run
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

  const auto may_read = [&] {  // behind the next window; of captured ones, behind any
    return Traits::captures || run_.seconds_per_epoch ||
           progress_.windows_since_reading + 1 == run_.log_every_steps ||
           progress_.window + 1 == plan.steps() || progress_.windows + 1 == plan.total_steps();
  };
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
    model_step_.measure_norm(may_read());
    const bool stepped = train_window(batches, plan, rates, context);
    ++(stepped ? progress_.epoch_steps : progress_.epoch_skipped);
    progress_.steps += stepped ? 1 : 0;
    progress_.samples += ranks() == nullptr ? batches.samples() - samples
                                            : plan.window_samples(progress_.windows - 1);
    ++progress_.window;
    stream_place_ = batches.place();

    auto event = progress_.step_end(plan.total_steps(), rates.learning_rate, clock_.run());
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

/// Freezes and unfreezes for the epoch.
template <class M, class Policies>
void BasicTrainer<M, Policies>::begin_freezing() {
  model_step_.begin_epoch(progress_.epoch);
  check_any_trained(parameters());
}

}  // namespace gradus
