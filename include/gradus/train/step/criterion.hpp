/// A loss policy as a task sees it.
#pragma once

#include <gradus/policy/task/result.hpp>
#include <gradus/train/step/loss_inputs.hpp>

#include <ATen/core/Tensor.h>
#include <ATen/ops/zeros.h>
#include <c10/util/StringUtil.h>

#include <string>

namespace gradus {

enum class Pass {
  training,
  evaluation,
  forward_only  ///< for what the model keeps of it, such as statistics: every loss is 0
};

/// `loss(output, target)`: [] float32, a mean; 16-bit outputs are taken as float32. Throws
/// ConfigurationError for targets that the policy cannot take.
template <class Loss>
class Criterion {
 public:
  Criterion(const Loss& loss, Pass pass) : loss_(&loss), pass_(pass) {}

  [[nodiscard]] at::Tensor operator()(const at::Tensor& output, const at::Tensor& target) const {
    const auto exact = as_float32(output);
    if (pass_ == Pass::forward_only) return at::zeros({}, exact.options());
    check_target(*loss_, exact, target);
    return pass_ == Pass::training ? loss_->loss(exact, target) : loss_->evaluate(exact, target);
  }

 private:
  const Loss* loss_;
  Pass pass_;
};

/// Throws ConfigurationError if what a task gives for its loss is none.
template <class Task>
const at::Tensor& checked_loss(const at::Tensor& loss) {
  if (loss.defined() && loss.dim() == 0 && loss.is_floating_point()) return loss;
  throw ConfigurationError(
      "policy " + std::string(Task::name) +
      " of axis task must give one float for its loss, a mean over the batch, "
      "but gives " +
      (loss.defined() ? c10::str(loss.scalar_type(), " ", loss.sizes()) : std::string("none")) +
      "; let its `forward` return a scalar tensor.");
}

}  // namespace gradus
