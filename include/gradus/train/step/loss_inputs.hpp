/// What a task and its loss are given: batches that hold what was asked for, their weights, and
/// targets of a form that the loss takes.
#pragma once

#include <gradus/core/batch.hpp>
#include <gradus/error.hpp>

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace gradus {

/// What the mean of a task's loss over a batch is over: what the task says, else what the loss
/// policy says of the targets, else samples. Copied into each loader thread.
template <class Task, class Loss>
class BatchWeight {
 public:
  BatchWeight(const Task& task, const Loss& loss) : task_(task), loss_(loss) {}

  /// Whether the task says it, so that a batch is needed rather than its targets.
  template <class B>
  static constexpr bool by_task =
      requires(const Task& task, const B& batch) { task.weight(batch); };

  /// Whether the task or the loss policy says it of a target.
  static constexpr bool weighs_targets = requires(const Task& task, const at::Tensor& target) {
    task.weight(target);
  } || requires(const Loss& loss, const at::Tensor& target) { loss.weight(target); };

  /// Whether it is the number of samples.
  template <class B>
  static constexpr bool by_samples =
      requires { Task::weighs_samples; } || (!by_task<B> && !(HasTarget<B> && weighs_targets));

  /// Throws DataError for a weight that is none.
  template <class B>
  [[nodiscard]] double operator()(const B& batch) const {
    if constexpr (by_samples<B>) {
      return static_cast<double>(batch_size(batch));
    } else if constexpr (by_task<B>) {
      return checked<Task>(task_.weight(batch));
    } else if constexpr (HasTarget<B>) {
      return of_target(batch.target);
    } else {
      return static_cast<double>(batch_size(batch));
    }
  }
  [[nodiscard]] double of_target(const at::Tensor& target) const {
    if constexpr (requires { task_.weight(target); }) {
      return checked<Task>(task_.weight(target));
    } else if constexpr (requires { loss_.weight(target); }) {
      return checked<Loss>(loss_.weight(target));
    } else {
      return static_cast<double>(target.size(0));
    }
  }

 private:
  template <class Policy>
  static double checked(double weight) {
    if (std::isfinite(weight) && weight >= 0) return weight;
    throw DataError("policy " + std::string(Policy::name) + " of axis " +
                    std::string(Policy::slot::name) + " gives a batch the weight " +
                    std::to_string(weight) + "; expected a finite number of at least 0.");
  }

  Task task_;
  Loss loss_;
};

/// `batch`, with its weight. Throws DataError if it does not hold as many samples as were `asked`
/// for, a row of each tensor for each.
template <class B, class Weight>
[[nodiscard]] Weighed<B> weighed(B batch, const Weight& weight, std::int64_t asked) {
  const auto refuse = [&](const std::string& found) {
    throw DataError("The dataset was asked for " + std::to_string(asked) +
                    " samples and gave a batch of " + found +
                    "; expected sample k for index k: let `batch(indices)` return tensors with a "
                    "row for each index.");
  };
  if constexpr (!requires { B::packed; }) {
    bool right = true;
    visit_tensors(batch,
                  [&](const at::Tensor& tensor) { right = right && rows_of(tensor) == asked; });
    if (!right) refuse("tensors of " + rows_of_all(batch) + " rows");
  }
  if (batch_size(batch) != asked) refuse(std::to_string(batch_size(batch)));
  const double held = weight(batch);
  return {std::move(batch), held};
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

/// Throws DataError for values of a target that `loss` says it cannot take. Waits for the device.
template <class Loss>
void check_values(const Loss& loss, const at::Tensor& output, const at::Tensor& target) {
  if constexpr (requires { loss.value_mistake(output, target); }) {
    const auto mistake = loss.value_mistake(output, target);
    if (mistake.empty()) return;
    throw DataError("policy " + std::string(Loss::name) +
                    " of axis loss cannot be computed on this data: " + mistake + ".");
  }
}

/// Whether a loss has a class that marks a target as ignored, and says so by a member `ignored`.
template <class Loss>
inline constexpr bool ignores = requires { Loss::ignored; };

/// Notices when what the weight of a batch depends on is replaced or changed in place: its target,
/// or, where it has none or `All` is set, any of its tensors.
template <class B, bool All = false>
class BatchSeen {
 public:
  explicit BatchSeen(const B& batch) {
    visit(batch, [&](const at::Tensor& tensor) { seen_.push_back({tensor, version(tensor)}); });
  }

  [[nodiscard]] bool changed(const B& batch) const {
    bool changed = false;
    std::size_t place = 0;
    visit(batch, [&](const at::Tensor& now) {
      changed = changed || place >= seen_.size() || !now.is_same(seen_[place].tensor) ||
                version(now) != seen_[place].version;
      ++place;
    });
    return changed || place != seen_.size();
  }

 private:
  struct Seen {
    at::Tensor tensor;
    std::int64_t version = 0;
  };

  template <class Visit>
  static void visit(const B& batch, Visit&& one) {
    if constexpr (HasTarget<B> && !All) {
      one(batch.target);
    } else {
      visit_tensors(batch, one);
    }
  }
  static std::int64_t version(const at::Tensor& tensor) {
    return !tensor.defined() || tensor.is_inference() ? 0 : tensor._version();
  }

  std::vector<Seen> seen_;
};

}  // namespace gradus
