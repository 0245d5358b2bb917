/// Where the results of a run go.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

namespace cifar10 {

/// Makes the folder `out`, which must be new or empty; without one `runs/<time>`, or
/// `runs/<time>-2` and so on where another run began in the same second. Throws
/// gradus::ConfigurationError for a folder that holds something, gradus::ResourceError for one that
/// cannot be made.
std::filesystem::path make_run_folder(const std::string& out);

/// The folder `out` of a run of `configuration`, to go on with. Throws gradus::ConfigurationError
/// if there is no such folder, gradus::CheckpointError if it holds other things.
std::filesystem::path run_folder_to_resume(const std::string& out, std::string_view configuration);

}  // namespace cifar10
