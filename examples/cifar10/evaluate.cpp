#include "commands.hpp"
#include "configuration.hpp"
#include "load_data.hpp"
#include "origin.hpp"
#include "prepare.hpp"
#include <gradus/checkpoint/weights.hpp>
#include <gradus/error.hpp>
#include <gradus/observe/text.hpp>
#include <gradus/settings/dump.hpp>

#include <algorithm>
#include <iostream>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace cifar10 {

using namespace gradus;

namespace {

/// Numbers of the other axes act in training alone.
void refuse_unread(const std::vector<Setting>& settings) {
  const std::vector<std::string_view> read{"precision", "kernels", "layout", "loading", "loss"};
  for (const auto& setting : settings) {
    if (std::ranges::find(read, setting.axis) != read.end()) continue;
    throw ConfigurationError("'" + setting.axis + "." + setting.field +
                             "' changes no evaluation; leave it out, or set numbers of "
                             "precision, kernels, layout, loading or loss.");
  }
}

}  // namespace

void evaluate(Options options) {
  const auto given = options.settings;
  const auto weights = read_safetensors(options.checkpoint);
  const auto& trained = origin(weights, options);
  prepare(options, {&trained});
  refuse_unread(given);
  auto data = load_data(options);
  take_first(options, data.sets);
  const auto result = trained.evaluate(options, weights, data.sets.test);
  std::optional<Evaluation> flipped;
  if (options.flip) flipped = trained.evaluate_flipped(options, weights, data.sets.test);
  if (options.json) {
    nlohmann::ordered_json json{{"checkpoint", options.checkpoint.string()},
                                {"name", trained.name()},
                                {"width", options.width},
                                {"test_samples", result.samples},
                                {"test_accuracy", or_null(result.accuracy())},
                                {"test_loss", or_null(result.loss)}};
    if (flipped) json["test_accuracy_flipped"] = or_null(flipped->accuracy());
    std::cout << dump(json, 2) << '\n';
  } else {
    std::cout << trained.name() << ": accuracy " << observe::percent(result.accuracy().value(), 2)
              << " on " << observe::grouped(result.samples) << " test images\n";
    if (flipped) {
      std::cout << "mean over each image and its mirror image: accuracy "
                << observe::percent(flipped->accuracy().value(), 2) << '\n';
    }
  }
}

}  // namespace cifar10
