#include "prepare.hpp"

#include <gradus/device/device.hpp>
#include <gradus/device/keep_memory.hpp>
#include <gradus/error.hpp>

#include <ATen/Parallel.h>

#include <algorithm>
#include <cstdlib>
#include <string>

namespace cifar10 {

using gradus::ConfigurationError;

namespace {

std::string names(const std::vector<const Configuration*>& list) {
  std::string text;
  for (const auto* configuration : list) {
    text += (text.empty() ? "" : ", ") + std::string(configuration->name());
  }
  return text;
}

/// The numbers of every configuration that is trained or named.
void check_settings(const Options& options, const std::vector<const Configuration*>& list) {
  auto checked = list;
  for (const auto& setting : options.settings) {
    if (setting.configuration.empty()) continue;
    const auto* named = &configuration(setting.configuration);
    const bool trained = std::find(list.begin(), list.end(), named) != list.end();
    if (!trained && !setting.only_if_trained) {
      throw ConfigurationError("'" + setting.axis + "." + setting.field + "' is set for " +
                               setting.configuration + ", but this command is about " +
                               names(list) + "; leave that setting out, or name " +
                               setting.configuration + " too.");
    }
    if (std::find(checked.begin(), checked.end(), named) == checked.end()) checked.push_back(named);
  }
  for (const auto* configuration : checked) static_cast<void>(configuration->describe(options));
}

}  // namespace

void prepare(const Options& options, const std::vector<const Configuration*>& list) {
  if (options.stop_after_seconds && !options.durable) {
    throw gradus::UsageError(
        "--stop-after-seconds is for `train`, which saves what it has; leave it out here.");
  }
  static_cast<void>(gradus::device_from_name(options.device));
  // cuBLAS reads this when it starts; what a person has set stays.
  if (options.math.deterministic) ::setenv("CUBLAS_WORKSPACE_CONFIG", ":4096:8", /*overwrite=*/0);
  if (options.keep_memory) gradus::keep_memory();
  if (options.threads) at::set_num_threads(static_cast<int>(*options.threads));
  check_settings(options, list);
}

}  // namespace cifar10
