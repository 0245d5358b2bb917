/// A pass over a held-out set.
#pragma once

#include <gradus/compose/slot.hpp>
#include <gradus/core/batch_tensors.hpp>
#include <gradus/core/history.hpp>
#include <gradus/core/rank_share.hpp>
#include <gradus/data/dataset.hpp>
#include <gradus/data/device_feed.hpp>
#include <gradus/data/loader.hpp>
#include <gradus/data/sampling.hpp>
#include <gradus/distributed/communicator.hpp>
#include <gradus/error.hpp>
#include <gradus/train/data/training_batches.hpp>
#include <gradus/train/model/evaluation_mode.hpp>
#include <gradus/train/model/keep_model.hpp>
#include <gradus/train/step/arrange_batch.hpp>
#include <gradus/train/step/compute.hpp>
#include <gradus/train/step/correct_answers.hpp>
#include <gradus/train/step/criterion.hpp>
#include <gradus/train/step/loss_meter.hpp>
#include <gradus/train/step/metric_tallies.hpp>
#include <gradus/train/step/model_step.hpp>

#include <ATen/core/grad_mode.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/zeros.h>

#include <algorithm>
#include <cstdint>
#include <string>
#include <type_traits>
#include <vector>

namespace gradus {

/// How a pass over a held-out set is made: how many samples, in which batches.
struct EvaluationPlan {
  std::int64_t samples = 0;       ///< the first so many of the set, in its own order
  std::int64_t batch_size = 500;  ///< samples
  std::int64_t step = 0;          ///< optimizer steps taken, for errors
  Pass pass = Pass::evaluation;   ///< or `sanity`
  bool averaged = true;           ///< by the averaged weights, if there are some
  Communicator* ranks = nullptr;  ///< that share the batches, if there are several
};

/// Whether the targets of the first `samples` of a held-out set say that none of them counts; false
/// for a set that has no `targets()`, or whose batches are weighed by the task.
template <data::Dataset Held, class Weight>
[[nodiscard]] bool no_target_counts(const Held& held, std::int64_t samples, const Weight& weight) {
  using B = data::batch_of<Held>;
  if constexpr (requires { at::Tensor(held.targets()); } && HasTarget<B> &&
                !Weight::template by_task<B> && !Weight::template by_samples<B>) {
    return samples > 0 && weight.of_target(held.targets().narrow(0, 0, samples)) == 0;
  } else {
    return false;
  }
}

/// Calls `see(batch, weight)` for the batches of a held-out set, or this rank's of them, on the
/// device and in the layout of the policies, while the model is in evaluation mode and holds the
/// weights to evaluate with. Leaves weights, statistics, gradients, the training flag and, for a
/// model that draws in evaluation mode too, random streams alone.
template <class M, class Policies, data::Dataset Held, class See>
void for_each_held_out_batch(ModelStep<M, Policies>& step, const Held& held,
                             const EvaluationPlan& plan, See see) {
  const auto weights = plan.averaged ? step.evaluation_weights() : EvaluationWeights();
  const EvaluationMode evaluation_mode(*step.model());
  const KeepRandomStreams streams(step.device());
  // No inference mode: what a model keeps of its forward passes, a mask say, must be fit to train.
  const at::NoGradGuard no_grad;
  auto loading = step.template at<slot::loading>().plan();
  loading.batch_size = plan.batch_size;
  const auto batches = data::batch_count(plan.samples, loading.batch_size);
  auto share = plan.ranks == nullptr ? RankShare{} : step.share();
  if (share.rank >= batches) share = {.rank = 0, .size = std::max<std::int64_t>(batches, 1)};
  data::Loader loader(
      loading, (batches - share.rank + share.size - 1) / share.size,
      EvaluationFetch(held, batch_weight(step), loading.batch_size, plan.samples, share));
  data::DeviceFeed feed(loader, data::stream_copy_to(step.device()));
  while (auto next = feed.next()) {
    arrange_layout(step.policies(), next->batch);
    see(next->batch, next->weight);
  }
}

namespace detail {

/// What was read of this rank's batches, unless another one `counts` them, becomes that of all.
template <class Answers>
void sum_over(Communicator& ranks, bool counts, LossReading& reading, Answers& answers) {
  const auto facts = at::zeros({5}, at::kDouble);
  auto* fact = facts.mutable_data_ptr<double>();
  if (counts) {
    fact[0] = reading.not_finite ? 0 : reading.sum;
    fact[1] = reading.weight;
    fact[2] = reading.not_finite ? 1 : 0;
    fact[3] = static_cast<double>(answers.correct);
    fact[4] = static_cast<double>(answers.counted);
  }
  ranks.sum(facts);
  reading.mean.reset();
  if (fact[1] > 0) reading.mean = fact[0] / fact[1];
  if (fact[2] > 0) reading.not_finite.emplace();
  answers.correct = static_cast<std::int64_t>(fact[3]);
  answers.counted = static_cast<std::int64_t>(fact[4]);
}

}  // namespace detail

/// Loss and metrics of `model` (that of `step`, or one in its place). `watch(batch, result)` is
/// told of each batch. Throws NumericError for a loss that is not finite.
template <class M, class Policies, class Model, data::Dataset Held, class Watch>
Evaluation evaluate_set(ModelStep<M, Policies>& step, Model& model, const Held& held,
                        const EvaluationPlan& plan, Watch watch) {
  LossMeter meter;
  CorrectAnswers answers(step.template at<slot::loss>(), step.device());
  MetricTallies<Policies> metrics(step.policies());
  for_each_held_out_batch(step, held, plan, [&](const auto& batch, double weight) {
    const auto result = compute(step, model, batch, plan.pass);
    if (weight > 0) meter.add(result.loss, batch_size(batch), weight);
    answers.add(result);
    metrics.add(result);
    watch(batch, result);
  });
  auto reading = meter.read();
  auto counted = answers.read();
  if (plan.ranks != nullptr) {
    const bool counts = step.share().rank < data::batch_count(plan.samples, plan.batch_size);
    metrics.sum_over(*plan.ranks, counts);
    detail::sum_over(*plan.ranks, counts, reading, counted);
  }
  if (reading.not_finite) {
    throw NumericError(
        "the evaluation loss is not finite at optimizer step " + std::to_string(plan.step) +
        (plan.step == 0 ? ", before anything was learned; look for numbers that are "
                          "not finite in the held-out data and in the weights."
                        : "; lower the learning rate, or look at the held-out data."));
  }
  return {.samples = plan.samples,
          .counted = counted.counted,
          .correct = counted.correct,
          .loss = reading.mean,
          .metrics = metrics.values()};
}

/// The outputs of the model for each sample of a set, in its order: float32 [size, ...] on the CPU.
/// The values of targets do not matter. Throws ConfigurationError for a task that gives no output,
/// or outputs that are not one row for each sample.
template <class M, class Policies, data::Dataset Held>
at::Tensor predict_set(ModelStep<M, Policies>& step, const Held& held, const EvaluationPlan& plan) {
  std::vector<at::Tensor> outputs;
  for_each_held_out_batch(step, held, plan, [&](const auto& batch, double) {
    const auto result = compute(step, step.model(), batch, Pass::forward_only);
    const at::Tensor output = result.output;
    if (!output.defined() || output.dim() == 0 || output.size(0) != batch_size(batch)) {
      using Task = std::remove_cvref_t<decltype(step.template at<slot::task>())>;
      throw ConfigurationError(
          "policy " + std::string(Task::name) +
          " of axis task gives no output with a row for each sample, so there "
          "is nothing to predict; set `output` in what its `forward` returns.");
    }
    if (!outputs.empty() && output[0].sizes() != outputs.front()[0].sizes()) {
      throw ConfigurationError("the outputs of a sample are " + c10::str(output[0].sizes()) +
                               " in one batch and " + c10::str(outputs.front()[0].sizes()) +
                               " in another, so they are not one tensor; evaluate them batch by "
                               "batch, or pad all samples to one length.");
    }
    outputs.push_back(output.to(at::kCPU));
  });
  return outputs.empty() ? at::Tensor() : at::cat(outputs);
}

}  // namespace gradus
