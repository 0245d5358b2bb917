/// The commands of gradus-cifar10. Each returns normally or throws a gradus::Error.
#pragma once

#include "load_data.hpp"
#include "options.hpp"

#include <nlohmann/json.hpp>

namespace cifar10 {

/// Trains each configuration with the same data and seeds; prints the table, leaves
/// comparison.json, and report.html, which is written again after each epoch.
void compare(Options options);

/// Trains a configuration and the same with one policy less, for each of its policies, over several
/// seeds; prints what each contributes, leaves ablation.json, ablation.md and report.html.
void ablate_configuration(Options options);

/// Trains one configuration; leaves report.html, which is written again after each epoch.
void train(Options options);

/// Accuracy of a checkpoint on the test set, with the numbers that it was trained with unless
/// options say otherwise.
void evaluate(Options options);

/// A checkpoint's model as ONNX, with the weights that are evaluated.
void export_checkpoint(Options options);

/// The whole configuration as JSON.
void describe(Options options);

/// Checks every facility of the chosen device, compares the configurations in small, and leaves
/// selfcheck.json. Throws gradus::CheckError if a check failed.
void selfcheck(Options options);

/// What stands beside every result: versions, processor, data.
[[nodiscard]] nlohmann::ordered_json environment(const Options& options, const LoadedData& data);

}  // namespace cifar10
