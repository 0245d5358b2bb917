/// Cross-entropy of class scores, with or without label smoothing: the default loss.
#pragma once

#include <gradus/core/field.hpp>
#include <gradus/policy/loss/concept.hpp>

#include <ATen/ops/argmax.h>
#include <ATen/ops/cross_entropy_loss.h>
#include <ATen/ops/scalar_tensor.h>
#include <c10/util/StringUtil.h>

#include <algorithm>
#include <cstdint>
#include <string>

namespace gradus {

/// `output` [N, K, ...] scores of K classes; `target` a class for each, [N, ...] int64, or a part
/// for each class, [N, K, ...] of a floating type. A class of -100 is ignored: it is in no mean, no
/// accuracy and no gradient. Equals torch.nn.CrossEntropyLoss.
/// Source of label smoothing: Szegedy et al. 2016, section 7.
struct CrossEntropy {
  using slot = slot::loss;
  static constexpr std::string_view name = "CrossEntropy";
  static constexpr std::int64_t ignored = -100;  ///< PyTorch's ignore_index

  double label_smoothing = 0;

  static constexpr auto fields() {
    return fields_of(field("label_smoothing", &CrossEntropy::label_smoothing, fraction(),
                           "part of the target spread over all classes"));
  }

  [[nodiscard]] at::Tensor loss(const at::Tensor& output, const at::Tensor& target) const {
    return at::cross_entropy_loss(output, target, {}, at::Reduction::Mean, ignored,
                                  label_smoothing);
  }
  [[nodiscard]] at::Tensor evaluate(const at::Tensor& output, const at::Tensor& target) const {
    return at::cross_entropy_loss(output, target);
  }

  /// Targets that are not ignored. A plain loop: no operator runs for a batch on the CPU.
  [[nodiscard]] double weight(const at::Tensor& target) const {
    if (target.scalar_type() != at::kLong) return static_cast<double>(places(target));
    const auto host = (target.is_cpu() ? target : target.cpu()).contiguous();
    const auto* classes = host.const_data_ptr<std::int64_t>();
    const auto skipped = std::count(classes, classes + host.numel(), ignored);
    return static_cast<double>(host.numel() - skipped);
  }

  [[nodiscard]] at::Tensor correct(const at::Tensor& output, const at::Tensor& target) const {
    const auto wanted = in_parts(target) ? target.argmax(1) : target;
    return output.argmax(1).eq(wanted).sum();
  }
  [[nodiscard]] at::Tensor counted(const at::Tensor& target) const {
    if (target.scalar_type() == at::kLong) return target.ne(ignored).sum();
    return at::scalar_tensor(places(target), target.options().dtype(at::kLong));
  }

  [[nodiscard]] std::string target_mistake(const at::Tensor& output,
                                           const at::Tensor& target) const {
    const auto form = [](const at::Tensor& tensor) {
      return c10::str(tensor.scalar_type(), " ", tensor.sizes());
    };
    auto classes = output.sizes().vec();
    if (classes.size() < 2 || classes[1] < 2) {
      return "it compares the scores of 2 classes or more, [N, K, ...], but the model gives " +
             form(output) + "; choose another loss for this task, or a model with more outputs";
    }
    if (in_parts(target) && target.sizes() == output.sizes()) return "";
    classes.erase(classes.begin() + 1);
    const bool whole = target.scalar_type() == at::kLong || target.scalar_type() == at::kByte;
    if (whole && target.sizes() == at::IntArrayRef(classes)) return "";
    return "for outputs " + form(output) + " it takes classes, Long " +
           c10::str(at::IntArrayRef(classes)) + ", or parts of classes, " +
           c10::str(output.scalar_type(), " ", output.sizes()) + ", but the targets are " +
           form(target) + "; give it such targets, or choose another loss";
  }

 private:
  static bool in_parts(const at::Tensor& target) {
    return at::isFloatingType(target.scalar_type());
  }
  /// Targets in a tensor that ignores none.
  static std::int64_t places(const at::Tensor& target) {
    return in_parts(target) && target.dim() > 1
               ? target.numel() / std::max<std::int64_t>(target.size(1), 1)
               : target.numel();
  }
};
static_assert(LossPolicy<CrossEntropy>);

}  // namespace gradus
