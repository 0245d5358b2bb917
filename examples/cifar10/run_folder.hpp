/// Where the results of a run go.
#pragma once

#include <filesystem>
#include <string>

namespace cifar10 {

/// Makes the folder `out`, which must be new or empty; without one `runs/<time>`, or
/// `runs/<time>-2` and so on where another run began in the same second. Throws
/// gradus::ConfigurationError for a folder that holds something, gradus::ResourceError for one that
/// cannot be made.
std::filesystem::path make_run_folder(const std::string& out);

}  // namespace cifar10
