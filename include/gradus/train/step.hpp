/// The step of a trainer: one window, from its batches to the updated weights. Included by
/// train/trainer.hpp.
#pragma once

#include <gradus/core/random.hpp>
#include <gradus/device/out_of_memory.hpp>
#include <gradus/train/basic_trainer.hpp>
#include <gradus/train/model/gradients.hpp>
#include <gradus/train/step/arrange_batch.hpp>
#include <gradus/train/step/compute.hpp>
#include <gradus/train/step/loss_inputs.hpp>
#include <gradus/train/step/window_weight.hpp>

#include <exception>
#include <optional>
#include <string>
#include <type_traits>

namespace gradus {

/// One window: gradients, step, averages. Returns whether it stepped; where only the device knows,
/// that it did, until the next reading.
template <class M, class Policies>
template <class Feed>
bool BasicTrainer<M, Policies>::train_window(Feed& feed, const StepPlan& plan, const Rates& rates,
                                             const StepContext& context) {
  ++progress_.windows;
  bool stepped = false;
  try {
    stepped = whole_step(feed, plan, rates, context);
  } catch (const std::exception& error) {
    abandon_window();
    if (!is_out_of_memory(error)) throw;
    throw OutOfMemory("memory ran out on " + run_.device.str() + at_place(place_) +
                      " with batches of " + std::to_string(plan.batch_size) +
                      " samples; take a smaller loading.batch_size and more accumulation.steps, or "
                      "a smaller model: " +
                      said_by(error));
  } catch (...) {
    abandon_window();
    throw;
  }
  model_step_.end_window(stepped, meter_, context);
  return stepped;
}

/// With other processes, or by the graph, where there are such.
template <class M, class Policies>
template <class Feed>
bool BasicTrainer<M, Policies>::whole_step(Feed& feed, const StepPlan& plan, const Rates& rates,
                                           const StepContext& context) {
  if constexpr (Traits::distributes) {
    if (ranks() != nullptr) return shared_step(feed, plan, rates, context);
  }
  if constexpr (Traits::captures) {
    if constexpr (OnlyTensors<typename Feed::batch_type::form>) {
      if (captured_.graph()) return captured_step(feed, plan, rates, context);
    } else if (captured_.graph()) {
      captured_.refuse("the batches hold other things than tensors, which a graph would freeze");
    }
  }
  return eager_step(feed, plan, rates, context);
}

/// Forgets a window that something cut short, so that what is saved now is the state after the step
/// before. But batch norms have seen its first batches.
template <class M, class Policies>
void BasicTrainer<M, Policies>::abandon_window() {
  --progress_.windows;
  meter_.drop_open_window();
  clear_gradients(parameters());
}

/// Forward and backward over the micro-batches of one window, and the step. A batch of which no
/// target counts is left out; a window of such batches is skipped.
template <class M, class Policies>
template <class Feed>
bool BasicTrainer<M, Policies>::eager_step(Feed& feed, const StepPlan& plan, const Rates& rates,
                                           StepContext context) {
  const auto window = progress_.windows - 1;
  WindowWeight weight(plan.window_samples(window));
  double flops = 0;
  model_step_.guard().keep_buffers(*model());
  for (; context.micro_batch < plan.window_batches(window); ++context.micro_batch) {
    const auto micro = next_batch(feed, plan, context);
    if (!micro) break;
    if (micro->weight == 0) continue;
    const auto samples = micro->size();
    const double part = add_batch(model_step_, weight, samples, micro->weight);
    forward_backward(micro->batch, part, context, [&](const at::Tensor& loss) {
      meter_.add(loss, samples, micro->weight, place_);
    });
    flops += flops_.of(micro->batch);
  }
  if (weight.empty()) return false;
  model_step_.guard().check_first_gradients(parameters());
  const bool stepped = model_step_.step(rates, context, weight.correction(), meter_, place_);
  progress_.epoch_flops += flops;
  return stepped;
}

/// A micro-batch as the model is to see it; nothing behind the end of a stream.
template <class M, class Policies>
template <class Feed>
std::optional<typename Feed::batch_type> BasicTrainer<M, Policies>::next_batch(
    Feed& feed, const StepPlan& plan, const StepContext& context) {
  using B = typename Feed::batch_type::form;
  const auto window = progress_.windows - 1;
  place_ = {context.epoch + 1, progress_.windows,
            plan.first_batch(window) + context.micro_batch + 1, context.micro_batch + 1};
  auto next = feed.next();
  if (!next) return std::nullopt;
  auto& micro = *next;
  if (micro.stands_in) return next;
  B& batch = micro.batch;
  const auto weight = batch_weight(model_step_);
  const BatchSeen<B, decltype(weight)::template by_task<B>> seen(batch);
  model_step_.states().template call<hook::before_forward>(policies(), batch, context);
  if constexpr (PolicyAt<slot::mixing>::mixes) {
    if (ignores<PolicyAt<slot::loss>> && micro.weight < static_cast<double>(micro.size())) {
      throw DataError("policy " + std::string(PolicyAt<slot::mixing>::name) +
                      " of axis mixing blends the targets of all samples, but some of them are "
                      "ignored" +
                      at_place(place_) + "; leave those samples out, or choose no mixing.");
    }
    if constexpr (std::is_same_v<B, Batch>) {
      at<slot::mixing>().mix(batch, mix(run_.seed, plan.pass_of(window), place_.batch));
    } else {
      [[maybe_unused]] const Says<BatchMistake<B, PolicyAt<slot::mixing>>> refusal;
    }
  }
  if (seen.changed(batch)) micro.weight = weight(batch);
  const double part = static_cast<double>(window) / static_cast<double>(plan.total_steps());
  arrange_batch(policies(), batch, part);
  return next;
}

/// `part` is the factor of the batch's mean loss in the window's: a number, or a tensor on the
/// device. `keep(loss)` is given the loss as it is.
template <class M, class Policies>
template <class B, class Part, class Keep>
void BasicTrainer<M, Policies>::forward_backward(const B& batch, const Part& part,
                                                 const StepContext& context, Keep keep) {
  const auto loss =
      model_step_.states().template around<hook::around_forward>(policies(), context, [&] {
        return flops_.watch(
            batch, [&] { return compute(model_step_, model(), batch, Pass::training).loss; });
      });
  keep(loss);
  model_step_.backward(loss, part, context);
}

}  // namespace gradus
