/// Cross-entropy of models that give log probabilities.
#pragma once

#include <gradus/compose/field.hpp>
#include <gradus/policy/loss/concept.hpp>
#include <gradus/policy/loss/detail/classes.hpp>

#include <ATen/core/Reduction.h>
#include <ATen/ops/nll_loss_nd.h>

#include <cstdint>
#include <string>
#include <string_view>

namespace gradus {

/// `output` [N, K, ...] log probabilities of K classes, of a log-softmax say; `target` a class for
/// each, [N, ...] int64. A class of -100 is ignored. Equals torch.nn.NLLLoss.
struct NegativeLogLikelihood {
  using slot = slot::loss;
  static constexpr std::string_view name = "NegativeLogLikelihood";
  static constexpr std::int64_t ignored = no_class;
  static constexpr auto fields() { return no_fields; }

  [[nodiscard]] at::Tensor loss(const at::Tensor& output, const at::Tensor& target) const {
    return at::nll_loss_nd(output, target, {}, at::Reduction::Mean, ignored);
  }
  [[nodiscard]] at::Tensor evaluate(const at::Tensor& output, const at::Tensor& target) const {
    return loss(output, target);
  }
  [[nodiscard]] double weight(const at::Tensor& target) const {
    return detail::counted_places(target);
  }
  [[nodiscard]] at::Tensor correct(const at::Tensor& output, const at::Tensor& target) const {
    return detail::correct_classes(output, target);
  }
  [[nodiscard]] at::Tensor counted(const at::Tensor& target) const {
    return detail::counted_classes(target);
  }
  [[nodiscard]] std::string target_mistake(const at::Tensor& output,
                                           const at::Tensor& target) const {
    return detail::classes_of_mistake(output, target, /*takes_parts=*/false);
  }
  [[nodiscard]] std::string value_mistake(const at::Tensor& output,
                                          const at::Tensor& target) const {
    return detail::class_value_mistake(output, target);
  }
};
static_assert(LossPolicy<NegativeLogLikelihood>);

}  // namespace gradus
