/// What a loss is given: batches that hold what was asked for, their weights, and targets of a form
/// that it takes.
#pragma once

#include <gradus/core/batch.hpp>
#include <gradus/core/error.hpp>

#include <cmath>
#include <cstdint>
#include <string>

namespace gradus {

/// What the mean of `loss` over `target` is over: samples, unless the policy says otherwise. Throws
/// DataError for a weight that is none.
template <class Loss>
[[nodiscard]] double weight_of(const Loss& loss, const at::Tensor& target) {
  if constexpr (requires { loss.weight(target); }) {
    const double weight = loss.weight(target);
    if (std::isfinite(weight) && weight >= 0) return weight;
    throw DataError("policy " + std::string(Loss::name) +
                    " of axis loss gives a batch the weight " + std::to_string(weight) +
                    "; expected a finite number of at least 0.");
  } else {
    return static_cast<double>(target.size(0));
  }
}

/// `batch`, with its weight under `loss`. Throws DataError if it does not hold as many samples as
/// were `asked` for, an input and a target each.
template <class Loss>
[[nodiscard]] Batch weighed(Batch batch, const Loss& loss, std::int64_t asked) {
  const auto samples = [](const at::Tensor& tensor) {
    return tensor.defined() && tensor.dim() > 0 ? tensor.size(0) : 0;
  };
  const auto inputs = samples(batch.input);
  const auto targets = samples(batch.target);
  if (inputs != asked || targets != asked) {
    throw DataError("The dataset was asked for " + std::to_string(asked) +
                    " samples and gave a batch of " + std::to_string(inputs) + " inputs and " +
                    std::to_string(targets) +
                    " targets; expected sample k for index k: let `batch(indices)` return as many "
                    "of each as there are indices.");
  }
  batch.weight = weight_of(loss, batch.target);
  return batch;
}

/// Throws ConfigurationError, before anything is learned from it, for a target of a shape or type
/// that `loss` says it cannot take.
template <class Loss>
void check_target(const Loss& loss, const at::Tensor& output, const at::Tensor& target) {
  if constexpr (requires { loss.target_mistake(output, target); }) {
    const auto mistake = loss.target_mistake(output, target);
    if (mistake.empty()) return;
    throw ConfigurationError(
        "policy " + std::string(Loss::name) +
        " of axis loss cannot be computed for this model on this data: " + mistake + ".");
  }
}

/// Whether a loss has a class that marks a target as ignored, and says so by a member `ignored`.
template <class Loss>
inline constexpr bool ignores = requires { Loss::ignored; };

/// Notices when a target is replaced or changed in place.
class TargetSeen {
 public:
  explicit TargetSeen(const at::Tensor& target)
      : target_(target), version_(target.is_inference() ? 0 : target._version()) {}

  [[nodiscard]] bool changed(const at::Tensor& now) const {
    return !now.is_same(target_) || (!now.is_inference() && now._version() != version_);
  }

 private:
  at::Tensor target_;
  std::int64_t version_;
};

}  // namespace gradus
