/// Where a checkpoint comes from.
#pragma once

#include "configuration.hpp"
#include "options.hpp"
#include <gradus/checkpoint/safetensors.hpp>

#include <nlohmann/json.hpp>

namespace cifar10 {

/// The configuration that the checkpoint says it came from; its width and numbers go into the
/// options, unless others were given. Throws gradus::CheckpointError.
[[nodiscard]] const Configuration& origin(const gradus::Safetensors& weights, Options& options);

/// What the run that the checkpoint came from was, as `Configuration::describe` says it. Throws
/// gradus::CheckpointError.
[[nodiscard]] nlohmann::ordered_json description_in(const gradus::Safetensors& weights,
                                                    const Options& options);

}  // namespace cifar10
