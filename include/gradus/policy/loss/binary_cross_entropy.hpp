/// Yes or no, once or for several labels.
#pragma once

#include <gradus/compose/field.hpp>
#include <gradus/policy/loss/concept.hpp>
#include <gradus/policy/loss/detail/list_on_device.hpp>

#include <ATen/TensorOperators.h>
#include <ATen/core/Reduction.h>
#include <ATen/core/Tensor.h>
#include <ATen/ops/binary_cross_entropy_with_logits.h>
#include <ATen/ops/scalar_tensor.h>
#include <c10/core/ScalarType.h>
#include <c10/util/StringUtil.h>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace gradus {

/// `output` scores [N], [N, K, ...] or of any shape, above 0 for yes; `target` of the same shape, 0
/// or 1 or between, of any type. Mean over all elements. `positive_weights` multiply the loss of
/// what is a yes: none, one for all, or one for each of the K labels of [N, K, ...]. Equals
/// torch.nn.BCEWithLogitsLoss with pos_weight [K, 1, ...].
struct BinaryCrossEntropy {
  using slot = slot::loss;
  static constexpr std::string_view name = "BinaryCrossEntropy";
  static constexpr bool elementwise = true;

  std::vector<double> positive_weights{};

  static constexpr auto fields() {
    return fields_of(field("positive_weights", &BinaryCrossEntropy::positive_weights, at_least(0),
                           "none, one for all labels, or one for each"));
  }

  [[nodiscard]] at::Tensor loss(const at::Tensor& output, const at::Tensor& target) const {
    return at::binary_cross_entropy_with_logits(output, target.to(output.scalar_type()), {},
                                                like(output));
  }
  [[nodiscard]] at::Tensor evaluate(const at::Tensor& output, const at::Tensor& target) const {
    return loss(output, target);
  }
  [[nodiscard]] double weight(const at::Tensor& target) const {
    return static_cast<double>(target.numel());
  }
  [[nodiscard]] at::Tensor correct(const at::Tensor& output, const at::Tensor& target) const {
    return (output > 0).eq(target > 0.5).sum();
  }
  [[nodiscard]] at::Tensor counted(const at::Tensor& target) const {
    return at::scalar_tensor(target.numel(), target.options().dtype(at::kLong));
  }
  [[nodiscard]] std::string target_mistake(const at::Tensor& output,
                                           const at::Tensor& target) const {
    if (output.sizes() != target.sizes()) {
      return c10::str("it compares each output with a yes or no, but the outputs are ",
                      output.sizes(), " and the targets ", target.sizes(),
                      "; reshape one of them, or choose another loss");
    }
    const auto labels = output.dim() > 1 ? output.size(1) : 1;
    const auto given = static_cast<std::int64_t>(positive_weights.size());
    if (given <= 1 || given == labels) return "";
    return c10::str("it has ", given, " positive weights for ", labels,
                    " labels; set loss.positive_weights, none, one or one for each");
  }

 private:
  /// [1] or [K, 1, ...], of the type and on the device of `output`; absent if there are none.
  [[nodiscard]] std::optional<at::Tensor> like(const at::Tensor& output) const {
    if (positive_weights.empty()) return std::nullopt;
    const auto weights = detail::list_on_device(positive_weights, output);
    if (positive_weights.size() == 1 || output.dim() <= 2) return weights;
    std::vector<std::int64_t> beside(static_cast<std::size_t>(output.dim() - 1), 1);
    beside[0] = -1;
    return weights.view(beside);
  }
};
static_assert(LossPolicy<BinaryCrossEntropy>);

}  // namespace gradus
