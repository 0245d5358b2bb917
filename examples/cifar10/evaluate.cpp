#include "commands.hpp"
#include "configuration.hpp"
#include "load_data.hpp"
#include "prepare.hpp"
#include <gradus/checkpoint/run_manifest.hpp>
#include <gradus/checkpoint/weights.hpp>
#include <gradus/error.hpp>
#include <gradus/settings/dump.hpp>

#include <iostream>
#include <optional>
#include <string>

namespace cifar10 {

using namespace gradus;

namespace {

[[noreturn]] void refuse(const Options& options, const std::string& found) {
  throw CheckpointError("checkpoint '" + options.checkpoint.string() + "' " + found +
                        "; evaluate one that gradus-cifar10 wrote.");
}

/// The configuration that the checkpoint says it came from; its width and numbers go into the
/// options, beneath those that were given. Throws CheckpointError.
const Configuration& origin(const Safetensors& weights, Options& options) {
  const bool is_run = holds_run(weights);
  const auto entry = weights.metadata.find(is_run ? "gradus" : "configuration");
  if (entry == weights.metadata.end()) {
    refuse(options, "does not say which configuration it came from");
  }
  try {
    const nlohmann::json made =
        is_run ? run_manifest(weights, "checkpoint '" + options.checkpoint.string() + "'")
                     .at("description")
               : parse_metadata(entry->second);
    const auto name = made.at("name").get<std::string>();
    const auto& found = configuration(name);
    auto recorded = options;
    recorded.width = made.at("/run/width"_json_pointer).get<std::int64_t>();
    recorded.settings = settings_from_policies(made.at("policies"), name, "it");
    if (recorded.width < 1 || recorded.width > widest) refuse(options, "says an impossible width");
    static_cast<void>(found.describe(recorded));  // refuses what this version does not have
    recorded.settings.insert(recorded.settings.end(), options.settings.begin(),
                             options.settings.end());
    options = recorded;
    return found;
  } catch (const nlohmann::json::exception&) {
    refuse(options, "describes its configuration in another form than expected");
  } catch (const CheckpointError&) {
    throw;
  } catch (const Error& error) {
    refuse(options,
           "came from a configuration that is not known here (" + std::string(error.what()) + ")");
  }
}

}  // namespace

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
