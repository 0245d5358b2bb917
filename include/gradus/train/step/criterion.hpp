/// A loss policy as a task sees it.
#pragma once

#include <gradus/policy/task/result.hpp>
#include <gradus/train/step/loss_inputs.hpp>

#include <ATen/TensorOperators.h>
#include <ATen/core/Tensor.h>
#include <ATen/ops/zeros.h>
#include <c10/util/Exception.h>
#include <c10/util/StringUtil.h>

#include <string>

namespace gradus {

/// Which kind of forward pass a loss is computed in.
enum class Pass {
  training,
  evaluation,
  sanity,       ///< an evaluation before the first step, in which the values of targets are checked
  forward_only  ///< for what the model keeps of it, such as statistics: every loss is 0
};

/// `loss(output, target)`: [] float32, a mean; 16-bit outputs are taken as float32. Throws
/// ConfigurationError for targets of a form that the policy cannot take, and DataError for such
/// values: on the CPU in each pass, on other devices before the first step, since it would wait.
template <class Loss>
class Criterion {
 public:
  using policy_type = Loss;

  Criterion(const Loss& loss, Pass pass) : loss_(&loss), pass_(pass) {}

  [[nodiscard]] at::Tensor operator()(const at::Tensor& output, const at::Tensor& target) const {
    const auto exact = as_float32(output);
    if (pass_ == Pass::forward_only) return at::zeros({}, exact.options());
    return checked(exact, target, [&] {
      return pass_ == Pass::training ? loss_->loss(exact, target) : loss_->evaluate(exact, target);
    });
  }

  /// Likewise the mean over targets, of which there are `count` [], where the policy divides by
  /// another weight, as by that of their classes.
  [[nodiscard]] at::Tensor mean_over(const at::Tensor& count, const at::Tensor& output,
                                     const at::Tensor& target) const {
    if constexpr (requires { loss_->loss_sum(output, target); }) {
      if (pass_ == Pass::forward_only) return (*this)(output, target);
      const auto exact = as_float32(output);
      return checked(exact, target, [&] {
        return (pass_ == Pass::training ? loss_->loss_sum(exact, target)
                                        : loss_->evaluate_sum(exact, target)) /
               count;
      });
    } else {
      return (*this)(output, target);
    }
  }

 private:
  template <class Compute>
  at::Tensor checked(const at::Tensor& exact, const at::Tensor& target, Compute compute) const {
    check_target(*loss_, exact, target);
    if (pass_ == Pass::sanity) check_values(*loss_, exact, target);
    try {
      return compute();
    } catch (const c10::Error&) {  // on the CPU, LibTorch names the value, but not what is wrong
      if (target.is_cpu()) check_values(*loss_, exact, target);
      throw;
    }
  }

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
