/// The forward pass and loss of one batch.
#pragma once

#include <gradus/compose/slot.hpp>
#include <gradus/core/batch_tensors.hpp>
#include <gradus/device/out_of_memory.hpp>
#include <gradus/error.hpp>
#include <gradus/train/step/call_mistakes.hpp>
#include <gradus/train/step/criterion.hpp>
#include <gradus/train/step/loss_inputs.hpp>
#include <gradus/train/step/model_step.hpp>

#include <ATen/core/Tensor.h>
#include <c10/util/Exception.h>
#include <c10/util/StringUtil.h>

#include <algorithm>
#include <array>
#include <string>
#include <string_view>
#include <type_traits>

namespace gradus {

/// A batch that the model and its loss cannot compute.
class ModelError : public ConfigurationError {
  using ConfigurationError::ConfigurationError;
};

/// Whether `error` is about the device, or about a step that is being captured there.
[[nodiscard]] inline bool is_of_device(const c10::Error& error) {
  if (dynamic_cast<const c10::AcceleratorError*>(&error) != nullptr) return true;
  const std::string_view said = error.what_without_backtrace();
  return std::ranges::any_of(std::array{"CUDA", "CUBLAS", "CUDNN", "captur"},
                             [&](const char* word) { return said.find(word) != said.npos; });
}

/// What came of a forward pass that LibTorch has ended, in a sentence with the form of the batch.
template <class B>
[[noreturn]] void refuse_batch(const B& batch, const c10::Error& error) {
  std::string forms;
  visit_tensors(batch, [&](const at::Tensor& tensor) {
    forms += forms.empty() ? "" : ", ";
    forms += tensor.defined() ? c10::str(tensor.scalar_type(), " ", tensor.sizes()) : "undefined";
  });
  throw ModelError("the model and its loss cannot compute a batch of " + forms +
                   "; see whether shapes, types and sizes of tables fit: " +
                   std::string(error.what_without_backtrace()));
}

/// What the task makes of `batch` with `model`, in the precision of the policies: a TaskResult,
/// whose output is float32. `model` is that of `step`, or another in its place. Throws ModelError
/// for a batch that they cannot compute.
template <class M, class Policies, class Model, class B>
auto compute(ModelStep<M, Policies>& step, Model& model, const B& batch, Pass pass) {
  const auto& task = step.template at<slot::task>();
  using Task = std::remove_cvref_t<decltype(task)>;
  [[maybe_unused]] const auto scope = step.forward_scope(pass == Pass::training);
  const Criterion loss(step.template at<slot::loss>(), pass);
  if constexpr (requires { task.forward(model, batch, loss).loss; }) {
    auto result = [&] {
      try {
        return task.forward(model, batch, loss);
      } catch (const c10::Error& error) {
        if (is_of_device(error) || is_out_of_memory(error)) throw;
        refuse_batch(batch, error);
      }
    }();
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
