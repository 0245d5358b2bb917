/// What every command does before anything is read or built.
#pragma once

#include "configuration.hpp"
#include "options.hpp"

#include <vector>

namespace cifar10 {

/// Sets the number of threads and whether memory is kept, and refuses a device that is not there, a
/// number that no policy takes, and a setting for a configuration that does not exist or is not
/// among `list`. Throws gradus::ConfigurationError or gradus::UsageError.
void prepare(const Options& options, const std::vector<const Configuration*>& list);

}  // namespace cifar10
