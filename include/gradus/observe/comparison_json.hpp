/// A comparison as comparison.json holds it.
#pragma once

#include <gradus/observe/comparison.hpp>
#include <gradus/settings/dump.hpp>

#include <nlohmann/json.hpp>

#include <string>

namespace gradus::observe {

namespace detail {

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
                                 {"peak_memory", nullptr}};
  if (epoch.peak_memory > 0) json["peak_memory"] = epoch.peak_memory;
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
/// against the baseline, null where there is none or where the accuracy was never reached. A figure
/// that is not finite is null.
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
      {"epochs", epochs},
      {"configuration", run.configuration},
  };
}

/// The whole: `runs` in the order they ran, `baseline`, `notes` and `environment`.
[[nodiscard]] inline nlohmann::ordered_json to_json(const Comparison& comparison) {
  auto runs = nlohmann::ordered_json::array();
  for (const RunRecord& run : comparison.runs) runs.push_back(to_json(run, comparison));
  nlohmann::ordered_json json;
  json["baseline"] = nullptr;
  if (comparison.baseline() != nullptr) json["baseline"] = comparison.baseline()->name;
  json["runs"] = runs;
  json["notes"] = comparison.notes;
  json["environment"] = comparison.environment;
  return json;
}

/// The text of comparison.json. Bytes that are not UTF-8, say in a path, become U+FFFD.
[[nodiscard]] inline std::string json_text(const Comparison& comparison) {
  return dump(to_json(comparison), 2) + "\n";
}

}  // namespace gradus::observe
