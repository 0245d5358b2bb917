/// A comparison as comparison.json holds it.
#pragma once

#include <gradus/observe/comparison.hpp>
#include <gradus/observe/run_ending.hpp>
#include <gradus/observe/run_groups.hpp>
#include <gradus/observe/spread.hpp>
#include <gradus/settings/dump.hpp>

#include <nlohmann/json.hpp>

#include <cstdint>
#include <string>

namespace gradus::observe {

/// {"mean", "deviation", "values"}; the deviation is that of one value, with n - 1. Without values
/// mean and deviation are null.
[[nodiscard]] inline nlohmann::ordered_json to_json(const Spread& spread) {
  if (spread.values.empty()) {
    return {{"mean", nullptr}, {"deviation", nullptr}, {"values", nlohmann::ordered_json::array()}};
  }
  return {{"mean", spread.mean()}, {"deviation", spread.deviation()}, {"values", spread.values}};
}

namespace detail {

/// Bytes.
inline nlohmann::ordered_json peak_or_null(std::int64_t bytes) {
  return bytes > 0 ? nlohmann::ordered_json(bytes) : nlohmann::ordered_json();
}

/// A configuration with several seeds: its means; null where no run has a value.
inline nlohmann::ordered_json to_json(const RunGroup& group, const Comparison& comparison) {
  const auto or_none = [](const Spread& spread) {
    return spread.values.empty() ? nlohmann::ordered_json() : observe::to_json(spread);
  };
  auto seeds = nlohmann::ordered_json::array();
  for (const RunRecord* run : group.runs) seeds.push_back(run->seed);
  return {{"name", group.name},
          {"seeds", seeds},
          {"test_accuracy", or_none(group.accuracy())},
          {"train_seconds", or_none(group.seconds())},
          {"speedup", or_none(group.speedup(comparison))}};
}

/// `train_seconds` is of this epoch alone; `seconds` is of the run up to its end.
inline nlohmann::ordered_json to_json(const EpochRecord& epoch, double seconds) {
  nlohmann::ordered_json json = {{"epoch", epoch.epoch},
                                 {"train_loss", or_null(epoch.train_loss)},
                                 {"test_loss", nullptr},
                                 {"test_accuracy", nullptr},
                                 {"train_seconds", epoch.train_seconds},
                                 {"seconds", seconds},
                                 {"waiting_seconds", epoch.waiting_seconds},
                                 {"samples", epoch.samples},
                                 {"optimizer_steps", epoch.optimizer_steps},
                                 {"skipped_steps", epoch.skipped_steps},
                                 {"flops", epoch.flops},
                                 {"peak_memory", peak_or_null(epoch.peak_memory)}};
  if (epoch.test) {
    json["test_loss"] = or_null(epoch.test->loss);
    json["test_accuracy"] = or_null(epoch.test->accuracy());
    for (const auto& metric : epoch.test->metrics)
      json["test_" + metric.label] = or_null(metric.value);
  }
  return json;
}

}  // namespace detail

/// One run of `comparison`: what was measured, then `speedup` and `time_to_baseline_accuracy`
/// against the baseline's run of the same seed, or its first where it has none of that seed; null
/// where there is no baseline or where the accuracy was never reached. A number that is not finite
/// is null.
[[nodiscard]] inline nlohmann::ordered_json to_json(const RunRecord& run,
                                                    const Comparison& comparison) {
  auto epochs = nlohmann::ordered_json::array();
  double seconds = 0;
  for (const EpochRecord& epoch : run.epochs)
    epochs.push_back(detail::to_json(epoch, seconds += epoch.train_seconds));
  return {
      {"name", run.name},
      {"device", run.device},
      {"precision", run.precision},
      {"width", run.width},
      {"parameters", run.parameters},
      {"seed", run.seed},
      {"threads", run.threads},
      {"train_samples", run.train_samples},
      {"test_samples", run.test_samples},
      {"batch_size", run.batch_size},
      {"samples_per_step", run.samples_per_step},
      {"test_accuracy", or_null(run.test_accuracy())},
      {"train_seconds", run.train_seconds()},
      {"waiting_seconds", run.waiting_seconds()},
      {"images_per_second", or_null(run.images_per_second())},
      {"optimizer_steps", run.optimizer_steps()},
      {"skipped_steps", run.skipped_steps()},
      {"flops", run.flops()},
      {"product_rate", run.product_rate},
      {"utilization", or_null(run.utilization())},
      {"speedup", or_null(comparison.speedup(run))},
      {"time_to_baseline_accuracy", or_null(comparison.time_to_baseline_accuracy(run))},
      {"seconds_to_baseline_accuracy", or_null(comparison.seconds_to_baseline_accuracy(run))},
      {"peak_memory", detail::peak_or_null(run.peak_memory())},
      {"end", end_name(run)},
      {"planned_epochs", run.planned_epochs > 0 ? nlohmann::ordered_json(run.planned_epochs)
                                                : nlohmann::ordered_json()},
      {"epochs", epochs},
      {"configuration", run.configuration},
  };
}

/// The whole: `runs` in the order they ran, `baseline`, `notes` and `environment`; where there are
/// several seeds, also `configurations` with the means.
[[nodiscard]] inline nlohmann::ordered_json to_json(const Comparison& comparison) {
  auto runs = nlohmann::ordered_json::array();
  for (const RunRecord& run : comparison.runs) runs.push_back(to_json(run, comparison));
  nlohmann::ordered_json json;
  json["baseline"] = nullptr;
  if (comparison.baseline() != nullptr) json["baseline"] = comparison.baseline()->name;
  json["runs"] = runs;
  if (has_seeds(comparison)) {
    for (const RunGroup& group : run_groups(comparison))
      json["configurations"].push_back(detail::to_json(group, comparison));
  }
  json["notes"] = comparison.notes;
  json["environment"] = comparison.environment;
  return json;
}

/// The text of comparison.json. Bytes that are not UTF-8, say in a path, become U+FFFD.
[[nodiscard]] inline std::string json_text(const Comparison& comparison) {
  return dump(to_json(comparison), 2) + "\n";
}

}  // namespace gradus::observe
