/// Where a checkpoint comes from.
#pragma once

#include "configuration.hpp"
#include "options.hpp"
#include <gradus/checkpoint/safetensors.hpp>

namespace cifar10 {

/// The configuration that the checkpoint says it came from; its width and numbers go into the
/// options, unless others were given. Throws gradus::CheckpointError.
[[nodiscard]] const Configuration& origin(const gradus::Safetensors& weights, Options& options);

}  // namespace cifar10
