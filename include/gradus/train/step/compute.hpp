/// The forward pass and loss of one batch.
#pragma once

#include <gradus/compose/slot.hpp>
#include <gradus/train/step/call_mistakes.hpp>
#include <gradus/train/step/criterion.hpp>
#include <gradus/train/step/loss_inputs.hpp>
#include <gradus/train/step/model_step.hpp>

#include <type_traits>

namespace gradus {

/// What the task makes of `batch` with `model`, in the precision of the policies: a TaskResult,
/// whose output is float32. `model` is that of `step`, or another in its place.
template <class M, class Policies, class Model, class B>
auto compute(ModelStep<M, Policies>& step, Model& model, const B& batch, Pass pass) {
  const auto& task = step.template at<slot::task>();
  using Task = std::remove_cvref_t<decltype(task)>;
  [[maybe_unused]] const auto scope = step.forward_scope();
  const Criterion loss(step.template at<slot::loss>(), pass);
  if constexpr (requires { task.forward(model, batch, loss).loss; }) {
    auto result = task.forward(model, batch, loss);
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

/// What the mean of the loss over a batch is over.
template <class M, class Policies>
[[nodiscard]] auto batch_weight(const ModelStep<M, Policies>& step) {
  return BatchWeight(step.template at<slot::task>(), step.template at<slot::loss>());
}

}  // namespace gradus
