/// A configuration as the program sees it: a trainer type behind a small interface.
#pragma once

#include "options.hpp"
#include <gradus/checkpoint/safetensors.hpp>
#include <gradus/core/history.hpp>
#include <gradus/data/image_dataset.hpp>
#include <gradus/model/resnet10.hpp>
#include <gradus/observe/comparison.hpp>

#include <nlohmann/json.hpp>

#include <filesystem>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace cifar10 {

struct TrainingData {
  gradus::data::ImageDataset train;
  gradus::data::ImageDataset test;
};

/// What a run is part of, and the page on which it is followed while it trains.
struct RunContext {
  gradus::observe::Comparison comparison;  ///< what is over and what waits; environment, notes
  std::filesystem::path page;              ///< its report.html; empty: none
};

/// Everything below applies the options' settings to the numbers that the type declares, and throws
/// gradus::ConfigurationError for one that does not fit.
class Configuration {
 public:
  virtual ~Configuration() = default;

  [[nodiscard]] virtual std::string_view name() const = 0;

  /// {"name", "model", "policies": {axis: {"policy", numbers}}, "run"}, made from the type.
  [[nodiscard]] virtual nlohmann::ordered_json describe(const Options& options) const = 0;

  /// Throws gradus::DataError or ConfigurationError if no run can be made with so many samples.
  virtual void check(const Options& options, std::int64_t train_samples) const = 0;

  /// Trains and leaves config.json, metrics.jsonl and checkpoints/final.safetensors in `folder`.
  [[nodiscard]] virtual gradus::observe::RunRecord train(const Options& options,
                                                         const TrainingData& data,
                                                         const std::filesystem::path& folder,
                                                         const RunContext& context) const = 0;

  [[nodiscard]] virtual gradus::Evaluation evaluate(
      const Options& options, const gradus::Safetensors& weights,
      const gradus::data::ImageDataset& test) const = 0;

  /// Likewise with the mean over each image and its mirror image.
  [[nodiscard]] virtual gradus::Evaluation evaluate_flipped(
      const Options& options, const gradus::Safetensors& weights,
      const gradus::data::ImageDataset& test) const = 0;

  /// Calls `use` with the model of a checkpoint, with the weights that are evaluated.
  virtual void with_evaluated(const Options& options, const gradus::Safetensors& weights,
                              const std::function<void(gradus::ResNet10&)>& use) const = 0;

  /// Training images per second over a few steps on `data`, without leaving anything behind.
  [[nodiscard]] virtual double measure(const Options& options, const TrainingData& data,
                                       std::int64_t steps) const = 0;
};

/// All of them, in the order in which `compare` trains them.
[[nodiscard]] const std::vector<const Configuration*>& configurations();

/// Throws gradus::UsageError, with the nearest known name, if there is none of that name.
[[nodiscard]] const Configuration& configuration(std::string_view name);

}  // namespace cifar10
