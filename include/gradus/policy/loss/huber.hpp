/// Squared differences near zero, absolute ones beyond.
#pragma once

#include <gradus/compose/field.hpp>
#include <gradus/policy/loss/concept.hpp>
#include <gradus/policy/loss/detail/elements.hpp>

#include <ATen/core/Reduction.h>
#include <ATen/core/Tensor.h>
#include <ATen/ops/huber_loss.h>

#include <string>
#include <string_view>

namespace gradus {

/// Mean over all elements of outputs and targets of one shape, both floating. Equals
/// torch.nn.HuberLoss. Source: Huber 1964.
struct Huber {
  using slot = slot::loss;
  static constexpr std::string_view name = "Huber";
  static constexpr bool elementwise = true;

  double delta = 1;

  static constexpr auto fields() {
    return fields_of(field("delta", &Huber::delta, positive_float(),
                           "difference from which on the loss grows linearly"));
  }

  [[nodiscard]] at::Tensor loss(const at::Tensor& output, const at::Tensor& target) const {
    return at::huber_loss(output, target.to(output.scalar_type()), at::Reduction::Mean, delta);
  }
  [[nodiscard]] at::Tensor evaluate(const at::Tensor& output, const at::Tensor& target) const {
    return loss(output, target);
  }
  [[nodiscard]] double weight(const at::Tensor& target) const {
    return static_cast<double>(target.numel());
  }
  [[nodiscard]] std::string target_mistake(const at::Tensor& output,
                                           const at::Tensor& target) const {
    return detail::elements_mistake(output, target);
  }
};
static_assert(LossPolicy<Huber>);

}  // namespace gradus
