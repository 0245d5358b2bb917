/// Where the results of a run go.
#pragma once

#include "options.hpp"

#include <filesystem>
#include <string>
#include <string_view>

namespace cifar10 {

/// Names in the folder of one configuration's run.
struct RunFiles {
  static constexpr const char* config = "config.json";
  static constexpr const char* metrics = "metrics.jsonl";
  static constexpr const char* log = "train.log";
  static constexpr const char* checkpoints = "checkpoints";
  static constexpr const char* weights = "checkpoints/final.safetensors";
};

/// Makes the folder `options.out`, which must be new or empty; without one `runs/<time>`, or
/// `runs/<time>-2` and so on where another run began in the same second. Throws
/// gradus::ConfigurationError for a folder that holds something, gradus::ResourceError for one that
/// cannot be made.
std::filesystem::path make_run_folder(const Options& options);

/// The folder `out` of a run of `configuration`, to resume it. Throws gradus::ConfigurationError
/// if there is no such folder, gradus::CheckpointError if it holds other things.
std::filesystem::path run_folder_to_resume(const std::string& out, std::string_view configuration);

/// Throws gradus::CheckpointError if the run in `folder` was of a command that saves none.
void refuse_unsaved(const std::filesystem::path& folder);

/// Throws gradus::CheckpointError if the run in `folder`, which has no checkpoint, is over.
void refuse_over(const std::filesystem::path& folder);

/// The sentence for a run in `folder` that has saved nothing to resume from.
std::string restart_message(const Options& options, const std::filesystem::path& folder);

/// The command for a shell that resumes the run in `options.out`.
std::string resume_command(const Options& options, const std::string& configuration);

}  // namespace cifar10
