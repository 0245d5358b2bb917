/// A model that learns from another one.
#pragma once

#include <gradus/compose/field.hpp>
#include <gradus/error.hpp>
#include <gradus/files/crc32c.hpp>
#include <gradus/policy/task/concept.hpp>
#include <gradus/policy/task/result.hpp>

#include <ATen/TensorOperators.h>
#include <ATen/core/Reduction.h>
#include <ATen/core/Tensor.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/kl_div.h>
#include <ATen/ops/log_softmax.h>
#include <c10/util/StringUtil.h>

#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>

namespace gradus {

/// `share` of the loss is the divergence of the model's classes from those of `teacher`, both
/// softened by `temperature`; the rest is the loss policy of the targets. Set `teacher`, a module
/// holder on the run's device and in evaluation mode, before training; it is neither trained nor
/// saved. Scores [N, K, ...] of 2 classes or more, of both models, and classes [N, ...] or a
/// probability of each; where the target is a class of -100, neither part counts. The softmax
/// compares classes that exclude each other, so `forward` throws ConfigurationError for other
/// scores and for a loss of outputs one by one, such as BinaryCrossEntropy.
///
/// Both parts are means over the samples that count, so that windows and evaluations are those of
/// one big batch. Class weights weigh the loss of the targets alone: it is then the sum of the
/// weighted losses over the number of samples, not over the sum of the weights, as
/// WeightedCrossEntropy by itself has it; weights whose mean over the samples is 1 keep its size.
/// Source: Hinton, Vinyals and Dean 2015, section 2, with its factor of the squared temperature.
template <class Teacher>
struct Distillation {
  using slot = slot::task;
  static constexpr std::string_view name = "Distillation";

  double temperature = 4;
  double share = 0.9;
  Teacher teacher{nullptr};

  static constexpr auto fields() {
    return fields_of(field("temperature", &Distillation::temperature, positive(),
                           "both models' scores are divided by it"),
                     field("share", &Distillation::share, between(0, 1),
                           "part of the loss that is the teacher's"));
  }

  /// Why it cannot be used, or "".
  [[nodiscard]] std::string_view mistake() const {
    if (!teacher) return "Distillation has no teacher; set `teacher` to a model";
    if (teacher->is_training()) {
      return "the teacher of Distillation is in training mode; call `teacher->eval()`";
    }
    return "";
  }

  /// Of the teacher's weights and buffers, so that a run resumes with the same one. Waits for the
  /// device.
  [[nodiscard]] std::uint64_t fingerprint() const {
    std::uint32_t sum = 0;
    if (!teacher) return sum;
    for (const auto& tensors : {teacher->parameters(), teacher->buffers()}) {
      for (const auto& tensor : tensors) {
        const auto plain = tensor.detach().cpu().contiguous();
        sum = crc32c({static_cast<const char*>(plain.const_data_ptr()), plain.nbytes()}, sum);
      }
    }
    return sum;
  }

  template <class Model, class B, class Loss>
    requires requires(Model& model, Teacher& other, const B& batch) {
      model->forward(batch.input) - other->forward(batch.input);
    }
  [[nodiscard]] TaskResult forward(Model& model, const B& batch, const Loss& loss) const {
    refuse_elementwise<Loss>();
    const auto output = as_float32(model->forward(batch.input));
    const auto wanted = [&] {
      const at::NoGradGuard no_grad;
      auto holder = teacher;
      const auto scores = as_float32(holder->forward(batch.input));
      check_scores(output, scores);
      return at::log_softmax(scores / temperature, 1);
    }();
    const auto each =
        at::kl_div(at::log_softmax(output / temperature, 1), wanted, at::Reduction::None,
                   /*log_target=*/true)
            .sum(1);
    at::Tensor mean;
    at::Tensor own;
    if (of_classes(batch.target) && batch.target.sizes() == each.sizes()) {
      const auto counted = batch.target.ne(ignored);
      const auto count = counted.sum();
      mean = (each * counted).sum() / count;
      own = loss.mean_over(count, output, batch.target);
    } else {
      mean = each.mean();
      own = loss(output, batch.target);
    }
    const auto divergence = mean * (temperature * temperature);
    return {share * divergence + (1 - share) * own, output, batch.target};
  }

  /// Samples that count.
  [[nodiscard]] double weight(const at::Tensor& target) const {
    if (!of_classes(target)) return static_cast<double>(target.size(0));
    const auto host = (target.is_cpu() ? target : target.cpu()).contiguous();
    const auto* classes = host.const_data_ptr<std::int64_t>();
    const auto left_out = std::count(classes, classes + host.numel(), ignored);
    return static_cast<double>(host.numel() - left_out);
  }

 private:
  static constexpr std::int64_t ignored = -100;  ///< as the losses of classes have it

  static bool of_classes(const at::Tensor& target) { return target.scalar_type() == at::kLong; }

  template <class Loss>
  static void refuse_elementwise() {
    if constexpr (requires { requires Loss::policy_type::elementwise; }) {
      throw ConfigurationError(
          "policy Distillation of axis task compares scores of classes of which one is right, but "
          "policy " +
          std::string(Loss::policy_type::name) +
          " of axis loss compares each output with a target of its own; choose a loss of classes, "
          "such as CrossEntropy, or write a task for these outputs.");
    }
  }
  static void check_scores(const at::Tensor& output, const at::Tensor& wanted) {
    if (output.dim() >= 2 && output.size(1) >= 2 && output.sizes() == wanted.sizes()) return;
    throw ConfigurationError(
        c10::str("policy Distillation of axis task compares the scores of 2 classes or more, "
                 "[N, K, ...], of the model with those of its teacher, but the model gives ",
                 output.sizes(), " and the teacher ", wanted.sizes(),
                 "; give both the outputs of the same classes, or choose another task."));
  }
};

}  // namespace gradus
