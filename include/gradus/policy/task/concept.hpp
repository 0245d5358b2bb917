/// The task axis: what a step computes from a model and a batch.
#pragma once

#include <gradus/compose/contract.hpp>
#include <gradus/compose/tensor_fwd.hpp>

#include <array>

namespace gradus {

/// `forward(model, batch, loss)` computes one micro-batch and returns a `TaskResult`, or a type of
/// its own with a member `loss`: float [], a mean over the micro-batch, differentiable. `model` is
/// the trainer's, `batch` is what the dataset makes, on the device; `loss(output, target)` is the
/// trainer's loss policy, to be used or not. The same function serves training and evaluation,
/// where no gradient is taken and `loss` leaves out regularisation. It is a template or takes the
/// types of its own, and keeps nothing:
///
///     struct TwoInputs {
///       using slot = gradus::slot::task;
///       static constexpr std::string_view name = "TwoInputs";
///       static constexpr auto fields() { return gradus::no_fields; }
///
///       gradus::TaskResult forward(auto& model, const MyBatch& batch, const auto& loss) const {
///         const auto output = model->forward(batch.image, batch.facts);
///         return {loss(output, batch.target), output, batch.target};
///       }
///     };
///
/// Optional: `double weight(const MyBatch& batch) const`, what the mean is over, 0 or more: tokens,
/// pixels, a sum of class weights. Without it, what the loss policy says of `batch.target`, or
/// samples. Windows and evaluations weigh by it, so that both are those of one big batch. It is
/// called on batches that are still on the CPU, in several threads at once. Or
/// `double weight(const at::Tensor& target) const`, of `batch.target` alone, for which data that
/// lies on a device need not be read a second time. Or
/// `static constexpr bool weighs_samples = true`: samples, whatever the loss policy says.
template <class P>
struct Contract<slot::task, P> {
  static constexpr std::array<Member, 0> members{};
};

/// A policy of the task axis: it has every member that `Contract<slot::task, P>` lists.
template <class P>
concept TaskPolicy = Fulfils<P, slot::task>;

}  // namespace gradus
