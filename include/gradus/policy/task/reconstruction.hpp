/// Inputs given back: autoencoders, plain and variational.
#pragma once

#include <gradus/compose/field.hpp>
#include <gradus/policy/task/concept.hpp>
#include <gradus/policy/task/result.hpp>

#include <ATen/TensorOperators.h>
#include <ATen/core/Tensor.h>

#include <cstdint>
#include <tuple>

namespace gradus {

/// The loss policy of the model's output and its own input; the batch needs no target. A model that
/// returns a tuple of output, mean and log variance of the code, both [N, D] or [N, ...], is a
/// variational one: the divergence of the code from a standard normal is added, times `beta`, per
/// element of the input as the loss is, so that the sum is proportional to the evidence bound where
/// `beta` is 1 and the loss is the log likelihood of an element. Source: Kingma and Welling 2013,
/// appendix B; beta of Higgins et al. 2017.
struct Reconstruction {
  using slot = slot::task;
  static constexpr std::string_view name = "Reconstruction";
  /// Means are over samples, whatever the loss says of `batch.target`: it is not looked at.
  static constexpr bool weighs_samples = true;

  double beta = 1;

  static constexpr auto fields() {
    return fields_of(
        field("beta", &Reconstruction::beta, at_least(0), "factor of the code's divergence"));
  }

  template <class Model, class B, class Loss>
    requires requires(Model& model, const B& batch) { model->forward(batch.input); }
  [[nodiscard]] TaskResult forward(Model& model, const B& batch, const Loss& loss) const {
    auto made = model->forward(batch.input);
    if constexpr (requires { std::tuple_size<decltype(made)>::value; }) {
      const auto& [output, mean, log_variance] = made;
      const auto given_back = as_float32(output);
      const auto per_sample = batch.input.numel() / batch.input.size(0);
      return {
          loss(given_back, batch.input) + divergence(as_float32(mean), as_float32(log_variance)) *
                                              (beta / static_cast<double>(per_sample)),
          given_back, batch.input};
    } else {
      const auto given_back = as_float32(made);
      return {loss(given_back, batch.input), given_back, batch.input};
    }
  }

 private:
  /// [], the mean over samples of the sum over their codes.
  static at::Tensor divergence(const at::Tensor& mean, const at::Tensor& log_variance) {
    return (mean.square() + log_variance.exp() - 1 - log_variance).flatten(1).sum(1).mean() / 2;
  }
};
static_assert(TaskPolicy<Reconstruction>);

}  // namespace gradus
