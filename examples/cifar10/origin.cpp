#include "origin.hpp"

#include <gradus/checkpoint/run_manifest.hpp>
#include <gradus/error.hpp>

#include <string>

namespace cifar10 {

using namespace gradus;

namespace {

[[noreturn]] void refuse(const Options& options, const std::string& found) {
  throw CheckpointError("checkpoint '" + options.checkpoint.string() + "' " + found +
                        "; name one that gradus-cifar10 wrote.");
}

}  // namespace

nlohmann::ordered_json description_in(const Safetensors& weights, const Options& options) {
  const bool is_run = holds_run(weights);
  const auto entry = weights.metadata.find(is_run ? "gradus" : "configuration");
  if (entry == weights.metadata.end()) {
    refuse(options, "does not say which configuration it came from");
  }
  try {
    if (!is_run) return parse_metadata(entry->second);
    return run_manifest(weights, "checkpoint '" + options.checkpoint.string() + "'")
        .at("description");
  } catch (const nlohmann::json::exception&) {
    refuse(options, "describes its configuration in another form than expected");
  }
}

const Configuration& origin(const Safetensors& weights, Options& options) {
  try {
    const nlohmann::json made = description_in(weights, options);
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

}  // namespace cifar10
