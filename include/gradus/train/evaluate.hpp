/// Evaluation by a trainer: on held-out data, after each epoch, and of a model before its first
/// step. Included by train/trainer.hpp.
#pragma once

#include <gradus/core/math_scope.hpp>
#include <gradus/train/basic_trainer.hpp>
#include <gradus/train/batch_norms.hpp>
#include <gradus/train/evaluation_mode.hpp>
#include <gradus/train/loss_inputs.hpp>
#include <gradus/train/training_batches.hpp>

#include <ATen/core/grad_mode.h>
#include <ATen/ops/zeros.h>
#include <c10/util/Exception.h>

#include <algorithm>
#include <cmath>
#include <string>
#include <string_view>

namespace gradus {

namespace detail {

template <class M>
auto forward_of(M& model) {
  return [&model](const at::Tensor& input) { return model->forward(input); };
}
template <class M>
auto flipped_forward_of(M& model) {
  return [&model](const at::Tensor& images) {
    return (model->forward(images) + model->forward(images.flip({3}))) / 2;
  };
}

}  // namespace detail

template <class M, class Policies>
EvaluationWeights BasicTrainer<M, Policies>::evaluation_weights() {
  if constexpr (averages) {
    return {WeightSwap(parameters_, at<slot::averaging>().averages(run_state<slot::averaging>())),
            WeightSwap(unique_buffers(*model_), averaged_statistics_)};
  } else {
    return {};
  }
}

template <class M, class Policies>
template <data::Dataset Held>
Evaluation BasicTrainer<M, Policies>::evaluate(const Held& held) {
  return evaluate_with(held, test_samples(held), detail::forward_of(model_));
}

template <class M, class Policies>
template <data::Dataset Held>
Evaluation BasicTrainer<M, Policies>::evaluate_flipped(const Held& held) {
  return evaluate_with(held, test_samples(held), detail::flipped_forward_of(model_));
}

template <class M, class Policies>
template <class Held>
std::int64_t BasicTrainer<M, Policies>::test_samples(const Held& held) const {
  if (!run_.limit_test_batches) return held.size();
  return std::min<std::int64_t>(held.size(), *run_.limit_test_batches * run_.evaluation_batch_size);
}

/// The first `samples` of a held-out set, in its own order.
template <class M, class Policies>
template <class Held, class Forward>
Evaluation BasicTrainer<M, Policies>::evaluate_with(const Held& held, std::int64_t samples,
                                                    Forward forward) {
  const MathScope math(run_.math);
  const auto weights = evaluation_weights();
  const EvaluationMode evaluation_mode(*model_);
  // No inference mode: what a model keeps of its forward passes, a mask say, must be fit to train.
  const at::NoGradGuard no_grad;
  const auto& loss = at<slot::loss>();
  auto loading = at<slot::loading>().plan();
  loading.batch_size = run_.evaluation_batch_size;
  data::Loader loader(loading, data::batch_count(samples, loading.batch_size),
                      EvaluationFetch(held, loss, loading.batch_size, samples));
  data::DeviceFeed feed(loader, data::stream_copy_to(run_.device));

  LossMeter meter;
  auto answers = at::zeros({2}, at::device(run_.device).dtype(at::kLong));  // correct, counted
  while (const auto batch = feed.next()) {
    [[maybe_unused]] const auto scope =
        at<slot::precision>().forward_scope(run_state<slot::precision>());
    const auto output = as_float32(forward(at<slot::layout>().arrange(batch->input)));
    check_target(loss, output, batch->target);
    if (batch->weight > 0) {
      meter.add(loss.evaluate(output, batch->target), batch->size(), batch->weight);
    }
    if constexpr (Traits::counts_correct) {
      answers.select(0, 0).add_(loss.correct(output, batch->target));
      answers.select(0, 1).add_(loss.counted(batch->target));
    }
  }
  const auto reading = meter.read();
  if (reading.not_finite) {
    throw NumericError("the evaluation loss is not finite at optimizer step " +
                       std::to_string(progress_.steps) +
                       "; lower the learning rate, or look at the held-out data.");
  }
  answers = answers.cpu();
  const auto correct = answers[0].template item<std::int64_t>();
  const auto counted = answers[1].template item<std::int64_t>();
  if (correct < 0 || correct > counted) {
    throw ConfigurationError("policy " + std::string(PolicyAt<slot::loss>::name) +
                             " of axis loss calls " + std::to_string(correct) +
                             " answers correct of " + std::to_string(counted) +
                             " that it counted; let its `correct` and `counted` go together.");
  }
  return {.samples = samples, .counted = counted, .correct = correct, .loss = reading.mean};
}

template <class M, class Policies>
template <class Held>
void BasicTrainer<M, Policies>::evaluate_epoch(const Held& held, EpochRecord& record) {
  const auto samples = test_samples(held);
  record.test = evaluate_with(held, samples, interruption_.until(detail::forward_of(model_)));
  if (!run_.evaluate_flipped) return;
  record.test_flipped =
      evaluate_with(held, samples, interruption_.until(detail::flipped_forward_of(model_)));
}

/// A model that cannot take the held-out data is found before an hour is spent.
template <class M, class Policies>
template <class Held>
void BasicTrainer<M, Policies>::check_sanity(const Held& held) {
  const auto samples = std::min<std::int64_t>(run_.sanity_samples, held.size());
  if (samples == 0) return;
  evaluate_with(held, samples, [&](const at::Tensor& input) {
    const auto output = model_->forward(input);
    if (output.dim() == 0 || output.size(0) != input.size(0)) {
      throw ConfigurationError("the model gives no output for each of " +
                               std::to_string(input.size(0)) +
                               " samples; its forward must return [N, ...] for an input [N, ...].");
    }
    return output;
  });
}

/// Batch norm needs two values per channel to train on. A last batch of one sample is tried before
/// the first step, with nothing of it kept.
template <class M, class Policies>
template <class Train>
void BasicTrainer<M, Policies>::check_smallest_batch(const Train& train, const StepPlan& plan) {
  if (plan.smallest_batch() > 1 || !trains_batch_norm(*model_)) return;
  std::vector<at::Tensor> copies;
  const auto buffers = unique_buffers(*model_);
  for (const auto& buffer : buffers) copies.push_back(buffer.tensor.clone());
  const WeightSwap statistics(buffers, copies);
  const BatchNormsTraining norms(*model_, FreshStatistics::no);
  const at::NoGradGuard no_grad;
  const auto order = data::sequential_order(1);
  const auto input = train.batch(order).input.to(run_.device);
  try {
    [[maybe_unused]] const auto scope =
        at<slot::precision>().forward_scope(run_state<slot::precision>());
    model_->forward(at<slot::layout>().arrange(at<slot::resolution>().resize(input, 0)));
  } catch (const c10::Error& error) {
    if (std::string_view(error.what()).find("more than 1 value per channel") ==
        std::string_view::npos) {
      throw;
    }
    throw ConfigurationError(
        "a training batch holds 1 sample, which leaves a batch norm one value per channel; set "
        "loading.drop_last to true, or loading.batch_size so that no batch of " +
        std::to_string(plan.samples) + " samples is that small.");
  }
}

/// Batch-norm statistics for the averaged weights, over training batches of this epoch.
template <class M, class Policies>
template <class Train>
void BasicTrainer<M, Policies>::renew_statistics([[maybe_unused]] const Train& train,
                                                 [[maybe_unused]] const StepPlan& plan,
                                                 [[maybe_unused]] std::int64_t epoch) {
  if constexpr (averages) {
    const auto& policy = at<slot::averaging>();
    const auto batches = std::min(plan.batches(), policy.statistics_batches());
    const auto& averaged = policy.averages(run_state<slot::averaging>());
    if (batches == 0 || averaged.empty() || !trains_batch_norm(*model_)) return;
    const auto buffers = unique_buffers(*model_);
    averaged_statistics_.clear();
    for (const auto& buffer : buffers) averaged_statistics_.push_back(buffer.tensor.clone());
    const WeightSwap weights(parameters_, averaged);
    const WeightSwap statistics(buffers, averaged_statistics_);
    const BatchNormsTraining norms(*model_, FreshStatistics::yes);
    const at::NoGradGuard no_grad;
    const TrainingFetch fetch(train, at<slot::augmentation>(), at<slot::loss>(), plan.batch_size,
                              run_.seed, epoch);
    const auto forward_once = interruption_.until(detail::forward_of(model_));
    for (std::int64_t batch = 0; batch < batches; ++batch) {
      [[maybe_unused]] const auto scope =
          at<slot::precision>().forward_scope(run_state<slot::precision>());
      forward_once(at<slot::layout>().arrange(fetch(batch).input.to(run_.device)));
    }
  }
}

}  // namespace gradus
