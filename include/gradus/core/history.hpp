/// What a run leaves behind: one record per epoch.
#pragma once

#include <gradus/error.hpp>
#include <gradus/settings/nearest.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace gradus {

/// What a policy of axis metric tells of a held-out set.
struct MetricValue {
  std::string label;              ///< as in "f1_macro"
  std::optional<double> value{};  ///< absent if it is over nothing
  bool higher_is_better = true;
  std::vector<double>
      values{};  ///< of each class, or the rows of a matrix, where the metric has such
};

/// Result of a pass over a held-out set. A mean over nothing is absent, never 0.
struct Evaluation {
  std::int64_t samples = 0;
  std::int64_t counted = 0;  ///< targets that an answer was compared with; 0 if the loss has none
  std::int64_t correct = 0;  ///< of these
  std::optional<double> loss{};  ///< mean over what the loss averages over

  std::vector<MetricValue> metrics{};  ///< in the order of their policies' names

  /// Fraction of `counted`; where the loss counts nothing, the metric of that name.
  [[nodiscard]] std::optional<double> accuracy() const {
    if (counted > 0) return static_cast<double>(correct) / static_cast<double>(counted);
    const auto* metric = find("accuracy");
    return metric != nullptr ? metric->value : std::nullopt;
  }
  /// The metric called `label`, as in "f1_macro"; absent if it is over nothing. Throws
  /// ConfigurationError, with the nearest label, if there is none of it.
  [[nodiscard]] std::optional<double> metric(std::string_view label) const {
    if (const auto* metric = find(label)) return metric->value;
    std::vector<std::string> known;
    for (const auto& metric : metrics) known.push_back(metric.label);
    throw ConfigurationError("no metric of this evaluation is called '" + std::string(label) + "'" +
                             suggestion(label, known));
  }
  /// Null if there is none of that label.
  [[nodiscard]] const MetricValue* find(std::string_view label) const {
    for (const auto& metric : metrics) {
      if (metric.label == label) return &metric;
    }
    return nullptr;
  }
};

/// One epoch: a pass over the training data, or as many steps or seconds as the run settings say.
/// Seconds are of a monotonic clock.
struct EpochRecord {
  std::int64_t epoch = 0;  ///< from 1
  /// Mean over what the loss averages over, undivided by accumulation; absent if every step was
  /// skipped.
  std::optional<double> train_loss{};
  double train_seconds = 0;          ///< of this epoch, evaluation not counted
  double waiting_seconds = 0;        ///< part of train_seconds spent waiting for data
  std::int64_t samples = 0;          ///< trained on in this epoch
  std::int64_t optimizer_steps = 0;  ///< in this epoch, skipped ones not counted
  std::int64_t skipped_steps = 0;    ///< in this epoch: gradients not finite, or no target counted
  /// Floating-point operations of training in this epoch: convolutions, matrix products and
  /// attention, the backward pass taken for twice the forward pass.
  double flops = 0;
  /// Bytes; 0: not known. Over the epoch and its evaluation, on an accelerator the most that
  /// tensors had at once, of a resumed epoch since it was resumed; on the CPU the most that the
  /// process has had resident since it began. Of the first process, where several train.
  std::int64_t peak_memory = 0;
  std::optional<Evaluation> test{};  ///< absent if no held-out set was given
  std::optional<Evaluation>
      test_flipped{};  ///< mean over each image and its mirror image, on request
};

/// How a run ended: by itself (with its last step, or by its stopping policy), after
/// `stop_after_steps`, because somebody or the clock asked, or with its data, before its last step.
/// `unfinished` is what a trainer has of a run that trains, was loaded, or that an exception ended.
enum class RunEnd { whole, limit, interrupted, out_of_data, unfinished };

/// What `fit` returns: a record of each epoch, also of one that `stop_after_steps` has cut short,
/// and how the run ended. When such a run resumes, the whole epoch takes the place of the cut one.
struct History {
  std::vector<EpochRecord> epochs;
  RunEnd end = RunEnd::whole;
  bool stopped_early = false;  ///< by the stopping policy, before the last step
};

}  // namespace gradus
