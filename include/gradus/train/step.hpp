/// The step of a trainer: one window, from its batches to the moved weights. Included by
/// train/trainer.hpp.
#pragma once

#include <gradus/core/random.hpp>
#include <gradus/device/out_of_memory.hpp>
#include <gradus/train/basic_trainer.hpp>
#include <gradus/train/model/gradients.hpp>
#include <gradus/train/step/arrange_batch.hpp>
#include <gradus/train/step/loss_inputs.hpp>
#include <gradus/train/step/window_weight.hpp>

#include <ATen/ops/_foreach_mul.h>

#include <exception>
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
  if (stepped && device_steps_ && scaler() != nullptr) {
    meter_.end_window(void_step());
  } else {
    meter_.end_window(/*skipped=*/!stepped);
  }
  if constexpr (averages) {
    if (stepped) at<slot::averaging>().update(run_state<slot::averaging>(), context);
  }
  return stepped;
}

/// By the graph, where there is one.
template <class M, class Policies>
template <class Feed>
bool BasicTrainer<M, Policies>::whole_step(Feed& feed, const StepPlan& plan, const Rates& rates,
                                           const StepContext& context) {
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
  clear_gradients(parameters_);
}

/// Forward and backward over the micro-batches of one window, and the step. A batch of which no
/// target counts is left out; a window of such batches is skipped.
template <class M, class Policies>
template <class Feed>
bool BasicTrainer<M, Policies>::eager_step(Feed& feed, const StepPlan& plan, const Rates& rates,
                                           StepContext context) {
  WindowWeight weight(plan.window_samples(progress_.window));
  guard_.keep_buffers(*model_);
  for (; context.micro_batch < plan.window_batches(progress_.window); ++context.micro_batch) {
    const auto micro = next_batch(feed, plan, context);
    if (micro.weight == 0) continue;
    const auto samples = micro.size();
    const double part = weight.add(samples, micro.weight);
    forward_backward(micro.batch, part, context, [&](const at::Tensor& loss) {
      meter_.add(loss, samples, micro.weight, place_);
    });
  }
  if (weight.empty()) return false;
  guard_.check_first_gradients(parameters_);
  return optimizer_step(rates, context, weight.correction());
}

/// A micro-batch as the model is to see it.
template <class M, class Policies>
template <class Feed>
typename Feed::batch_type BasicTrainer<M, Policies>::next_batch(Feed& feed, const StepPlan& plan,
                                                                const StepContext& context) {
  using B = typename Feed::batch_type::form;
  place_ = {context.epoch + 1, progress_.windows,
            plan.first_batch(progress_.window) + context.micro_batch + 1, context.micro_batch + 1};
  auto micro = *feed.next();
  B& batch = micro.batch;
  const BatchSeen<B, decltype(batch_weight())::template by_task<B>> seen(batch);
  states_.template call<hook::before_forward>(policies_, batch, context);
  if constexpr (PolicyAt<slot::mixing>::mixes) {
    if (ignores<PolicyAt<slot::loss>> && micro.weight < static_cast<double>(micro.size())) {
      throw DataError("policy " + std::string(PolicyAt<slot::mixing>::name) +
                      " of axis mixing blends the targets of all samples, but some of them are "
                      "ignored" +
                      at_place(place_) + "; leave those samples out, or choose no mixing.");
    }
    if constexpr (std::is_same_v<B, Batch>) {
      at<slot::mixing>().mix(batch, mix(run_.seed, context.epoch, place_.batch));
    } else {
      [[maybe_unused]] const Says<BatchMistake<B, PolicyAt<slot::mixing>>> refusal;
    }
  }
  if (seen.changed(batch)) micro.weight = batch_weight()(batch);
  const double part =
      static_cast<double>(progress_.windows - 1) / static_cast<double>(plan.total_steps());
  arrange_batch(policies_, batch, part);
  return micro;
}

/// `part` is the factor of the batch's mean loss in the window's: a number, or a tensor on the
/// device. `keep(loss)` is given the loss as it is.
template <class M, class Policies>
template <class B, class Part, class Keep>
void BasicTrainer<M, Policies>::forward_backward(const B& batch, const Part& part,
                                                 const StepContext& context, Keep keep) {
  auto loss = states_.template around<hook::around_forward>(
      policies_, context, [&] { return compute(model_, batch, Pass::training).loss; });
  keep(loss);
  states_.template call<hook::before_backward>(policies_, loss, context);
  if constexpr (std::is_same_v<Part, double>) {
    if (part != 1) loss = loss * part;
  } else {
    loss = loss * part.to(loss.scalar_type());
  }
  if constexpr (Traits::has_scaler) {
    if (const auto* scaler = this->scaler()) loss = scaler->scale(loss);
  }
  loss.backward();
}

/// What the task makes of a batch, in the run's precision.
template <class M, class Policies>
template <class Model, class B>
auto BasicTrainer<M, Policies>::compute(Model& model, const B& batch, Pass pass) {
  using Task = PolicyAt<slot::task>;
  [[maybe_unused]] const auto scope =
      at<slot::precision>().forward_scope(run_state<slot::precision>());
  const Criterion loss(at<slot::loss>(), pass);
  if constexpr (requires { at<slot::task>().forward(model, batch, loss).loss; }) {
    auto result = at<slot::task>().forward(model, batch, loss);
    checked_loss<Task>(result.loss);
    if constexpr (requires { result.output = as_float32(result.output); }) {
      if (result.output.defined()) result.output = as_float32(result.output);
    }
    return result;
  } else {
    [[maybe_unused]] const Says<TaskMistake<Task, M, B>> refusal;
    return TaskResult{};
  }
}

/// Unscale once, clip, step or skip, adapt the scale, clear the gradients. `correction` is the
/// factor that the window's weight leaves to be put right. Returns whether it stepped, as far as
/// the host knows.
template <class M, class Policies>
bool BasicTrainer<M, Policies>::optimizer_step(const Rates& rates, const StepContext& context,
                                               double correction) {
  bool finite = true;
  if constexpr (Traits::has_scaler) {
    if (auto* scaler = this->scaler()) {
      scaler->unscale(gradients_of(parameters_));
      if (!device_steps_) finite = !scaler->found_inf();
    }
  }
  if (correction != 1) at::_foreach_mul_(gradients_of(parameters_), correction);
  finite = finite && guard_.allows_step(parameters_, meter_, place_);
  if constexpr (PolicyAt<slot::clipping>::clips) {
    if (finite) at<slot::clipping>().clip(gradients_of(parameters_));
  }
  if (finite) {
    take_step(rates, context);
  } else {
    guard_.restore_buffers();
  }
  if constexpr (Traits::has_scaler) {
    if (auto* scaler = this->scaler()) scaler->update();
  }
  clear_gradients(parameters_);
  return finite;
}

template <class M, class Policies>
void BasicTrainer<M, Policies>::take_step(const Rates& rates, const StepContext& context) {
  auto& state = run_state<slot::optimizer>();
  states_.template call<hook::before_step>(policies_, context);
  states_.template around<hook::around_step>(policies_, context, [&] {
    if constexpr (Traits::can_step_on_device) {
      if (device_steps_) {
        const auto found_inf = void_step();
        at<slot::optimizer>().step_on_device(state, rates, device_steps_->rate(), found_inf);
        device_steps_->advance(found_inf);
        return;
      }
    }
    at<slot::optimizer>().step(state, rates);
  });
  states_.template call<hook::after_step>(policies_, context);
}

/// [1], on the device: 1 if the step that it decides on is void.
template <class M, class Policies>
at::Tensor BasicTrainer<M, Policies>::void_step() {
  if constexpr (Traits::has_scaler) {
    if (const auto* scaler = this->scaler()) return scaler->found_inf_flag();
  }
  return device_steps_->never();
}

}  // namespace gradus
