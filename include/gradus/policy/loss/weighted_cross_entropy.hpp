/// Cross-entropy in which some classes weigh more than others.
#pragma once

#include <gradus/compose/field.hpp>
#include <gradus/policy/loss/concept.hpp>
#include <gradus/policy/loss/detail/classes.hpp>
#include <gradus/policy/loss/detail/list_on_device.hpp>

#include <ATen/core/Reduction.h>
#include <ATen/ops/cross_entropy_loss.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace gradus {

/// As CrossEntropy with classes [N, ...] int64. Each target weighs as much as `weights` says of its
/// class, in the loss and in the mean over windows and evaluations alike; set one for each of the K
/// classes before training. Equals torch.nn.CrossEntropyLoss(weight).
struct WeightedCrossEntropy {
  using slot = slot::loss;
  static constexpr std::string_view name = "WeightedCrossEntropy";

  double label_smoothing = 0;
  std::vector<double> weights{};

  static constexpr auto fields() {
    return fields_of(
        field("label_smoothing", &WeightedCrossEntropy::label_smoothing, fraction(),
              "part of the target spread over all classes"),
        field("weights", &WeightedCrossEntropy::weights, at_least(0), "one for each class"));
  }

  [[nodiscard]] constexpr std::string_view mistake() const {
    const bool nothing = std::ranges::all_of(weights, [](double weight) { return weight == 0; });
    return nothing && !weights.empty() ? "all weights are 0, so nothing can be learned" : "";
  }

  [[nodiscard]] at::Tensor loss(const at::Tensor& output, const at::Tensor& target) const {
    return reduced(output, target, at::Reduction::Mean, label_smoothing);
  }
  [[nodiscard]] at::Tensor evaluate(const at::Tensor& output, const at::Tensor& target) const {
    return reduced(output, target, at::Reduction::Mean, 0);
  }
  [[nodiscard]] at::Tensor loss_sum(const at::Tensor& output, const at::Tensor& target) const {
    return reduced(output, target, at::Reduction::Sum, label_smoothing);
  }
  [[nodiscard]] at::Tensor evaluate_sum(const at::Tensor& output, const at::Tensor& target) const {
    return reduced(output, target, at::Reduction::Sum, 0);
  }
  [[nodiscard]] double weight(const at::Tensor& target) const {
    double sum = 0;
    if (target.scalar_type() != at::kLong) return detail::counted_places(target);  // see below
    for_each_class(target, [&](std::int64_t k) {
      const auto place = static_cast<std::size_t>(k);
      if (k >= 0 && place < weights.size()) sum += weights[place];
    });
    return sum;
  }
  [[nodiscard]] at::Tensor correct(const at::Tensor& output, const at::Tensor& target) const {
    return detail::correct_classes(output, target);
  }
  [[nodiscard]] at::Tensor counted(const at::Tensor& target) const {
    return detail::counted_classes(target);
  }
  [[nodiscard]] std::string target_mistake(const at::Tensor& output,
                                           const at::Tensor& target) const {
    auto mistake = detail::classes_of_mistake(output, target, /*takes_parts=*/false);
    if (mistake.empty() && target.scalar_type() != at::kLong) {
      mistake = "it takes classes of type Long, to weigh them on the host; convert the targets";
    }
    if (mistake.empty() && static_cast<std::int64_t>(weights.size()) != output.size(1)) {
      mistake = "it has " + std::to_string(weights.size()) + " weights for " +
                std::to_string(output.size(1)) + " classes; set loss.weights, one for each";
    }
    return mistake;
  }
  [[nodiscard]] std::string value_mistake(const at::Tensor& output,
                                          const at::Tensor& target) const {
    return detail::class_value_mistake(output, target);
  }

 private:
  [[nodiscard]] at::Tensor reduced(const at::Tensor& output, const at::Tensor& target,
                                   at::Reduction::Reduction reduction, double smoothing) const {
    return at::cross_entropy_loss(output, target, detail::list_on_device(weights, output),
                                  reduction, no_class, smoothing);
  }
};
static_assert(LossPolicy<WeightedCrossEntropy>);

}  // namespace gradus
