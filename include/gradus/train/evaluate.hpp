/// Evaluation by a trainer: on held-out data, after each epoch, and of a model before its first
/// step. Included by train/trainer.hpp.
#pragma once

#include <gradus/device/math_scope.hpp>
#include <gradus/train/basic_trainer.hpp>
#include <gradus/train/data/training_batches.hpp>
#include <gradus/train/evaluation.hpp>
#include <gradus/train/model/batch_norms.hpp>
#include <gradus/train/model/freezing.hpp>
#include <gradus/train/model/keep_model.hpp>
#include <gradus/train/model/mirrored_model.hpp>
#include <gradus/train/run/ranks.hpp>
#include <gradus/train/step/arrange_batch.hpp>
#include <gradus/train/step/correct_answers.hpp>

#include <ATen/core/grad_mode.h>

#include <algorithm>
#include <exception>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

namespace gradus {

template <class M, class Policies>
EvaluationWeights BasicTrainer<M, Policies>::evaluation_weights() {
  return model_step_.evaluation_weights();
}

template <class M, class Policies>
template <data::Dataset Held>
Evaluation BasicTrainer<M, Policies>::evaluate(const Held& held) {
  return evaluate_with(held, test_samples(held), model(), [](const auto&, const auto&) {});
}

template <class M, class Policies>
template <data::Dataset Held>
Evaluation BasicTrainer<M, Policies>::evaluate_flipped(const Held& held) {
  check_mirrors<PolicyAt<slot::task>, data::batch_of<Held>>();
  if constexpr (mirrors<PolicyAt<slot::task>, data::batch_of<Held>>) {
    MirroredModel<M> mirrored(model());
    return evaluate_with(held, test_samples(held), mirrored, [](const auto&, const auto&) {});
  } else {
    return {};
  }
}

template <class M, class Policies>
template <data::Dataset Set>
at::Tensor BasicTrainer<M, Policies>::predict(const Set& set) {
  const MathScope math(run_.math);
  const EvaluationPlan plan{.samples = set.size(), .batch_size = run_.evaluation_batch_size};
  return predict_set(model_step_, set, plan);
}

template <class M, class Policies>
template <class Held>
std::int64_t BasicTrainer<M, Policies>::test_samples(const Held& held) const {
  const auto size = run_.evaluation_batch_size;
  const auto limit = run_.limit_test_batches;
  return limit && *limit < data::batch_count(held.size(), size) ? *limit * size : held.size();
}

template <class M, class Policies>
template <class Held, class Model, class Watch>
Evaluation BasicTrainer<M, Policies>::evaluate_with(const Held& held, std::int64_t samples,
                                                    Model& model, Watch watch,
                                                    Communicator* ranks) {
  const MathScope math(run_.math);
  const EvaluationPlan plan{.samples = samples,
                            .batch_size = run_.evaluation_batch_size,
                            .step = progress_.steps,
                            .ranks = ranks};
  return evaluate_set(model_step_, model, held, plan, watch);
}

template <class M, class Policies>
template <class Held>
[[gnu::noinline]]  // g++ 12 warns of members of `record` that it has not
void BasicTrainer<M, Policies>::evaluate_epoch(const Held& held, EpochRecord& record) {
  const auto samples = test_samples(held);
  const auto batches = data::batch_count(samples, run_.evaluation_batch_size);
  const auto of_each = share().smallest(batches);  // some ranks have one more
  const auto watch = [&, number = std::int64_t{0}](const auto&, const auto&) mutable {
    if (number++ < of_each) end_if_any_asks(ranks(), interruption_);
  };
  interruption_.end_if_asked();
  record.test.emplace(evaluate_with(held, samples, model(), watch, ranks()));
  if (!run_.evaluate_flipped) return;
  if constexpr (mirrors<PolicyAt<slot::task>, data::batch_of<Held>>) {
    MirroredModel<M> mirrored(model());
    record.test_flipped.emplace(evaluate_with(held, samples, mirrored, watch, ranks()));
  }
}

/// What an epoch will have, as far as it is known before the first step.
template <class M, class Policies>
template <class Held>
Measured BasicTrainer<M, Policies>::measured_on(const Held& held) try {
  Measured measured{.held_out = true,
                    .held_out_samples = test_samples(held) > 0,
                    .names = metric_names(policies(), Traits::counts_correct)};
  check_monitors(policies(), measured);
  check_sanity(held, measured);
  return measured;
} catch (const std::exception& error) {
  leave(ranks(), error);
  throw;
}

/// A model that cannot take the held-out data is found before an hour is spent, and so is a policy
/// that monitors what no epoch will have, as far as these samples tell.
template <class M, class Policies>
template <class Held>
void BasicTrainer<M, Policies>::check_sanity(const Held& held, Measured& measured) {
  if (run_.evaluate_flipped) check_mirrors<PolicyAt<slot::task>, data::batch_of<Held>>();
  const auto all = test_samples(held);
  const EvaluationPlan plan{.samples = std::min<std::int64_t>(run_.sanity_samples, held.size()),
                            .batch_size = run_.evaluation_batch_size,
                            .step = goes_on_ ? progress_.steps : 0,
                            .pass = Pass::sanity,
                            .averaged = goes_on_};  // those of the run before are not of this one
  if (plan.samples > 0) {
    const MathScope math(run_.math);
    bool compares = false;
    const auto found =
        evaluate_set(model_step_, model(), held, plan, [&](const auto&, const auto& result) {
          compares |= CorrectAnswers<PolicyAt<slot::loss>>::compares(at<slot::loss>(), result);
        });
    if (Traits::counts_correct && !compares) std::erase(measured.names, "accuracy");
    if (plan.samples >= all && !found.loss) measured.held_out_samples = false;
  }
  if (no_target_counts(held, all, batch_weight(model_step_))) measured.held_out_samples = false;
  check_monitors(policies(), measured);
}

/// Batch norm needs two values per channel to train on. A last batch of one sample is tried before
/// the first step, with nothing of it kept, by all norms that train in some epoch of the run.
template <class M, class Policies>
template <class Train>
void BasicTrainer<M, Policies>::check_smallest_batch(const Train& train, const StepPlan& plan) {
  if (share().smallest(plan.smallest_batch()) > 1) return;
  const ThawedNorms thawed(at<slot::freezing>(), *model(),
                           run_.seconds_per_epoch ? std::min<std::int64_t>(plan.total_steps(), 1000)
                                                  : plan.total_epochs());
  if (!trains_batch_norm(*model())) return;
  std::vector<at::Tensor> copies;
  const auto buffers = unique_buffers(*model());
  for (const auto& buffer : buffers) copies.push_back(buffer.tensor.clone());
  const WeightSwap statistics(buffers, copies);
  const KeepRandomStreams streams(run_.device);
  const BatchNormsTraining norms(*model(), FreshStatistics::no);
  const at::NoGradGuard no_grad;
  const auto order = data::sequential_order(1);
  auto batch = on_device(train.batch(order), run_.device);
  try {
    arrange_batch(policies(), batch, 0);
    compute(model_step_, model(), batch, Pass::forward_only);
  } catch (const ModelError& error) {
    if (std::string_view(error.what()).find("more than 1 value per channel") ==
        std::string_view::npos) {
      throw;
    }
    throw ConfigurationError(
        (ranks() == nullptr ? "a training batch holds 1 sample"
                            : "a process's part of a training batch is 1 sample") +
        std::string(
            ", which leaves a batch norm one value per channel; set loading.drop_last to true, "
            "or loading.batch_size so that no batch of ") +
        std::to_string(plan.samples) + " samples is that small.");
  }
}

/// Batch-norm statistics for the averaged weights, over training batches of this pass.
template <class M, class Policies>
template <class Train>
void BasicTrainer<M, Policies>::renew_statistics([[maybe_unused]] const Train& train,
                                                 [[maybe_unused]] const StepPlan& plan) {
  if constexpr (Traits::averages) {
    const auto& policy = at<slot::averaging>();
    const auto batches = std::min(plan.batches(), policy.statistics_batches());
    const auto averaged = model_step_.averages();
    if (batches == 0 || averaged.empty() || !trains_batch_norm(*model())) return;
    const auto buffers = unique_buffers(*model());
    std::vector<at::Tensor> renewed;  // kept once it is whole
    for (const auto& buffer : buffers) renewed.push_back(buffer.tensor.clone());
    {
      const WeightSwap weights(parameters(), averaged);
      const WeightSwap statistics(buffers, renewed);
      const KeepRandomStreams streams(run_.device);
      const BatchNormsTraining norms(*model(), FreshStatistics::yes);
      const at::NoGradGuard no_grad;
      const auto pass = run_.overfit_batches ? 0 : plan.pass_of(progress_.windows - 1);
      const TrainingFetch fetch(train, at<slot::augmentation>(), batch_weight(model_step_),
                                plan.batch_size, run_.seed, pass, /*first=*/0,
                                at<slot::sampling>());
      for (std::int64_t number = 0; number < batches; ++number) {
        auto batch = on_device(fetch(number).batch, run_.device);
        end_if_any_asks(ranks(), interruption_);
        arrange_layout(policies(), batch);
        compute(model_step_, model(), batch, Pass::forward_only);
      }
    }
    model_step_.averaged_statistics() = std::move(renewed);
  }
}

}  // namespace gradus
