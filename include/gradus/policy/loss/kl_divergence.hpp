/// How far the model's distribution over classes is from a given one.
#pragma once

#include <gradus/compose/field.hpp>
#include <gradus/policy/loss/concept.hpp>
#include <gradus/policy/loss/detail/classes.hpp>

#include <ATen/TensorOperators.h>
#include <ATen/core/Reduction.h>
#include <ATen/core/Tensor.h>
#include <ATen/ops/kl_div.h>
#include <ATen/ops/log_softmax.h>

#include <string>
#include <string_view>

namespace gradus {

/// `output` scores [N, K, ...] of K classes, 2 or more; `target` their probabilities, likewise.
/// Mean over what is no class: samples, positions. Equals torch.nn.KLDivLoss("batchmean") of the
/// log-softmax of [N, K].
struct KLDivergence {
  using slot = slot::loss;
  static constexpr std::string_view name = "KLDivergence";
  static constexpr auto fields() { return no_fields; }

  [[nodiscard]] at::Tensor loss(const at::Tensor& output, const at::Tensor& target) const {
    return at::kl_div(at::log_softmax(output, 1), target.to(output.scalar_type()),
                      at::Reduction::Sum) /
           static_cast<double>(detail::places(target));
  }
  [[nodiscard]] at::Tensor evaluate(const at::Tensor& output, const at::Tensor& target) const {
    return loss(output, target);
  }
  [[nodiscard]] double weight(const at::Tensor& target) const {
    return static_cast<double>(detail::places(target));
  }
  [[nodiscard]] std::string target_mistake(const at::Tensor& output,
                                           const at::Tensor& target) const {
    if (detail::in_parts(target) && output.dim() > 1 && output.size(1) > 1 &&
        output.sizes() == target.sizes()) {
      return "";
    }
    return c10::str(
        "it compares scores [N, K, ...] of 2 classes or more with probabilities of the same shape, "
        "but the outputs are ",
        output.sizes(), " and the targets ", target.scalar_type(), " ", target.sizes(),
        "; give it such targets, or choose another loss");
  }
};
static_assert(LossPolicy<KLDivergence>);

}  // namespace gradus
