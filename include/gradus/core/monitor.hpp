/// The metric of an epoch that a policy monitors.
#pragma once

#include <gradus/core/history.hpp>
#include <gradus/error.hpp>
#include <gradus/settings/metric_name.hpp>
#include <gradus/settings/nearest.hpp>

#include <cmath>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace gradus {

/// The monitored value of an epoch, its sign changed where higher is better, so that less is better
/// for all; absent if the epoch has none, because all its steps were skipped or nothing counted.
/// One that is not a number becomes infinity, which is worse than any.
inline std::optional<double> monitored_value(std::string_view name, const EpochRecord& record) {
  std::optional<double> value;
  if (name == "loss") {
    value = record.test ? record.test->loss : record.train_loss;
  } else if (record.test) {
    const auto* metric = record.test->find(name);
    value = name == "accuracy"  ? record.test->accuracy()
            : metric != nullptr ? metric->value
                                : std::nullopt;
    if (value && (metric == nullptr || metric->higher_is_better)) value = -*value;
  }
  if (value && std::isnan(*value)) value = std::numeric_limits<double>::infinity();
  return value;
}

/// What a run measures after each epoch beside the training loss.
struct Measured {
  bool held_out = false;           ///< there is a held-out set
  bool held_out_samples = false;   ///< which is not empty, and has a target that counts
  std::vector<std::string> names;  ///< of its metrics beside the loss, such as "accuracy"
};

/// Throws ConfigurationError, before step 0, if no epoch of a run can have the metric that `who`
/// monitors, such as "policy EarlyStop of axis stopping".
inline void check_monitor(const std::string& who, std::string_view name, const Measured& measured) {
  const std::string wanted(name);
  const auto refuse = [&](const std::string& why) {
    throw ConfigurationError(who + " monitors the held-out " + wanted + ", but " + why + ".");
  };
  if (measured.held_out && !measured.held_out_samples) {
    refuse(
        "the held-out set has no samples, or none whose target counts; give one that has some, or "
        "none at all");
  }
  if (wanted == "loss") return;
  if (!measured.held_out) {
    refuse("`fit` was given no held-out set; give it one, or monitor the loss");
  }
  for (const auto& known : measured.names) {
    if (known == wanted) return;
  }
  if (wanted == "accuracy") {
    refuse(
        "the loss policy has no `correct`, or the task gives it nothing to compare, and there is "
        "no policy Accuracy of axis metric, so there is no accuracy; add one, or monitor the loss");
  }
  auto known = measured.names;
  known.emplace_back("loss");
  throw ConfigurationError(who + " monitors the held-out '" + wanted +
                           "', but no metric is called so" + suggestion(wanted, known));
}

}  // namespace gradus
