/// What a run of a trainer begins with: its plan, its checks, its counts. Included by
/// train/trainer.hpp.
#pragma once

#include <gradus/core/step_plan.hpp>
#include <gradus/data/sampling.hpp>
#include <gradus/data/stream.hpp>
#include <gradus/train/basic_trainer.hpp>
#include <gradus/train/model/batch_norms.hpp>
#include <gradus/train/model/gradients.hpp>
#include <gradus/train/run/data_mark.hpp>
#include <gradus/train/run/ranks.hpp>
#include <gradus/train/run/stream_run.hpp>
#include <gradus/train/step/shared_window.hpp>

#include <utility>
#include <vector>

namespace gradus {

template <class M, class Policies>
StepPlan BasicTrainer<M, Policies>::plan(std::int64_t samples) const {
  return {.samples = samples,
          .batch_size = at<slot::loading>().plan().batch_size,
          .accumulation = at<slot::accumulation>().micro_batches(),
          .epochs = run_.epochs,
          .drop_last = at<slot::loading>().plan().drop_last,
          .limit = run_.overfit_batches ? run_.overfit_batches : run_.limit_train_batches,
          .max_steps = run_.max_steps,
          .steps_per_epoch = run_.seconds_per_epoch ? run_.max_steps : run_.steps_per_epoch};
}

/// The steps that a run over `train` has.
template <class M, class Policies>
template <class Train>
StepPlan BasicTrainer<M, Policies>::plan_of(const Train& train) const {
  if constexpr (data::Stream<Train>) {
    check_stream_run(run_);
    auto plan = this->plan(StepPlan::endless);
    if (!plan.steps_per_epoch) plan.steps_per_epoch = plan.max_steps;
    return plan;
  } else {
    const auto plan = this->plan(train.size());
    data::check_batch_size(plan.samples, plan.batch_size);
    return plan;
  }
}

/// Whether the model can be trained on such batches.
template <class M, class Policies>
template <class Train>
void BasicTrainer<M, Policies>::check_data_fits(const Train& train, const StepPlan& plan) {
  if constexpr (data::Dataset<Train>) {
    check_parts(at<slot::distribution>(), share(), plan);
    check_smallest_batch(train, plan);
  } else if (ranks() != nullptr) {
    throw ConfigurationError(
        "a stream is read by one process, but this run has several; train on a dataset, whose "
        "batches they share, or choose SingleProcess.");
  } else if constexpr (Traits::averages) {
    check_no_renewal(at<slot::averaging>(), *model(), "a stream gives only once");
  }
}

/// What a run begins with: counts at zero, no gradients, run states as new but for the optimizer's;
/// or what was loaded.
template <class M, class Policies>
template <class Train>
void BasicTrainer<M, Policies>::begin(Train& train, const DataMark& held_out,
                                      const StepPlan& plan) {
  const DataMarks data{.train = mark_of(train), .held_out = held_out};
  if (goes_on_) {
    check_data(*this, data_, data);
    check_plan(progress_, plan);
    if constexpr (data::Stream<Train>) put_back(train, stream_place_, run_);
  }
  const bool goes_on = std::exchange(goes_on_, false);
  if constexpr (data::Stream<Train>) {
    if (!goes_on) stream_place_ = place_of(train);
  }
  data_ = data;
  if (!goes_on) {
    progress_ = {.planned_steps = plan.steps(),
                 .planned_total = plan.max_steps.value_or(0),
                 .planned_pass = plan.pass_steps()};
    history_ = {};
    clock_ = {};
    meter_ = LossMeter();
    model_step_.restart();
  }
  // What `stop_after_steps` has cut short will be whole.
  std::erase_if(history_.epochs,
                [&](const auto& record) { return record.epoch > progress_.epoch; });
  history_.end = RunEnd::unfinished;
  history_.stopped_early = false;
  interruption_.begin(run_.stop, run_.stop_after_seconds);
  agree(ranks(), interruption_);
  clear_gradients(parameters());
  flops_ = {};
  begin_execution(plan, goes_on);
  if (model_step_.device_steps() && goes_on) {
    progress_.take_off(-meter_.skipped_on_device());  // as the reading will
  }
}

}  // namespace gradus
