/// Absolute differences: regression that outliers do not rule.
#pragma once

#include <gradus/compose/field.hpp>
#include <gradus/policy/loss/concept.hpp>
#include <gradus/policy/loss/detail/elements.hpp>

#include <ATen/core/Tensor.h>
#include <ATen/ops/l1_loss.h>

#include <string>
#include <string_view>

namespace gradus {

/// Mean over all elements of outputs and targets of one shape, both floating. Equals
/// torch.nn.L1Loss.
struct AbsoluteError {
  using slot = slot::loss;
  static constexpr std::string_view name = "AbsoluteError";
  static constexpr bool elementwise = true;
  static constexpr auto fields() { return no_fields; }

  [[nodiscard]] at::Tensor loss(const at::Tensor& output, const at::Tensor& target) const {
    return at::l1_loss(output, target.to(output.scalar_type()));
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
static_assert(LossPolicy<AbsoluteError>);

}  // namespace gradus
