/// The loss axis: what training makes small.
#pragma once

#include <gradus/compose/contract.hpp>
#include <gradus/compose/tensor_fwd.hpp>

#include <array>
#include <string>

namespace gradus {

/// `loss(output, target)` is the mean over a micro-batch, float32 [], differentiable in `output`
/// [N, ...]. `evaluate(output, target)` is what evaluation reports, without regularisation, a mean
/// over the same.
///
/// Optional:
/// - `weight(target)` is what those means are over, 0 or more: counted targets, tokens, the sum of
///   class weights. Without it, samples. Windows and evaluations weigh by it, so that both are
///   those of one big batch. It is called on batches that are still on the CPU, in several threads
///   at once, and runs no operator that uses intra-op threads.
/// - `loss_sum(output, target)` and `evaluate_sum(output, target)`, [], are what `loss` and
///   `evaluate` divide by that weight, where it is another than the number of targets: for a task
///   that adds means over samples to the loss.
/// - `correct(output, target)`, int64 [], how many answers are right, and, wherever there is that,
///   `counted(target)`, int64 [], of how many: accuracy is the one over the other.
/// - `target_mistake(output, target)` says why this loss cannot take targets of such a shape and
///   type, as a clause, or "". It reads no values. Asked in each pass; a reason ends the run before
///   its first step.
/// - `value_mistake(output, target)` says likewise which values it cannot take, such as a class
///   that there is no score for. It reads them, so it may wait for the device. Asked in the
///   evaluation before the first step, and on the CPU when `loss` or `evaluate` has thrown.
/// - `static constexpr bool elementwise = true;` says that each output has a target of its own, so
///   that dimension 1 is no choice of one class among K; tasks that need such a choice refuse it.
template <class P>
struct Contract<slot::loss, P> {
  using Function = at::Tensor (P::*)(const at::Tensor&, const at::Tensor&) const;
  using Weight = double (P::*)(const at::Tensor&) const;
  using Counted = at::Tensor (P::*)(const at::Tensor&) const;
  using Mistake = std::string (P::*)(const at::Tensor&, const at::Tensor&) const;

  static constexpr std::array members{
      Member{"loss", "at::Tensor loss(const at::Tensor& output, const at::Tensor& target) const",
             (requires { &P::loss; }), (requires { static_cast<Function>(&P::loss); })},
      Member{"evaluate",
             "at::Tensor evaluate(const at::Tensor& output, const at::Tensor& target) const",
             (requires { &P::evaluate; }), (requires { static_cast<Function>(&P::evaluate); })},
      Member{"loss_sum",
             "at::Tensor loss_sum(const at::Tensor& output, const at::Tensor& target) const",
             (requires { &P::loss_sum; }), (requires { static_cast<Function>(&P::loss_sum); }),
             (requires { &P::evaluate_sum; })},
      Member{"evaluate_sum",
             "at::Tensor evaluate_sum(const at::Tensor& output, const at::Tensor& target) const",
             (requires { &P::evaluate_sum; }),
             (requires { static_cast<Function>(&P::evaluate_sum); }), (requires { &P::loss_sum; })},
      Member{"weight", "double weight(const at::Tensor& target) const", (requires { &P::weight; }),
             (requires { static_cast<Weight>(&P::weight); }), false},
      Member{
          "correct", "at::Tensor correct(const at::Tensor& output, const at::Tensor& target) const",
          (requires { &P::correct; }), (requires { static_cast<Function>(&P::correct); }), false},
      Member{"counted", "at::Tensor counted(const at::Tensor& target) const", (requires {
               &P::counted;
             }), (requires { static_cast<Counted>(&P::counted); }), (requires { &P::correct; })},
      Member{"target_mistake",
             "std::string target_mistake(const at::Tensor& output, const at::Tensor& target) const",
             (requires { &P::target_mistake; }),
             (requires { static_cast<Mistake>(&P::target_mistake); }), false},
      Member{"value_mistake",
             "std::string value_mistake(const at::Tensor& output, const at::Tensor& target) const",
             (requires { &P::value_mistake; }),
             (requires { static_cast<Mistake>(&P::value_mistake); }), false},
  };
};

/// A policy of the loss axis: it has every member that `Contract<slot::loss, P>` lists.
template <class P>
concept LossPolicy = Fulfils<P, slot::loss>;

}  // namespace gradus
