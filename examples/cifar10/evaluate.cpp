#include "commands.hpp"
#include "configuration.hpp"
#include "load_data.hpp"
#include "origin.hpp"
#include "prepare.hpp"
#include <gradus/checkpoint/weights.hpp>
#include <gradus/settings/dump.hpp>

#include <iostream>
#include <optional>
#include <string>

namespace cifar10 {

using namespace gradus;

void evaluate(Options options) {
  const auto weights = read_safetensors(options.checkpoint);
  const auto& trained = origin(weights, options);
  prepare(options, {&trained});
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
    std::cout << trained.name() << ": " << 100 * result.accuracy().value() << " % of "
              << result.samples << " test images\n";
    if (flipped) {
      std::cout << "with each image's mirror image: " << 100 * flipped->accuracy().value()
                << " %\n";
    }
  }
}

}  // namespace cifar10
