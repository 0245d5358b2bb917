#include "run_folder.hpp"

#include "shell_word.hpp"
#include <gradus/error.hpp>
#include <gradus/files/write_file.hpp>

#include <ctime>
#include <system_error>

namespace cifar10 {

namespace fs = std::filesystem;

namespace {

std::string now() {
  const auto time = std::time(nullptr);
  std::tm local{};
  localtime_r(&time, &local);
  std::string stamp(32, '\0');
  stamp.resize(std::strftime(stamp.data(), stamp.size(), "%Y-%m-%d-%H%M%S", &local));
  return stamp;
}

}  // namespace

fs::path make_run_folder(const Options& options) {
  const auto& out = options.out;
  if (out.empty()) {
    const auto first = fs::path("runs") / now();
    auto folder = first;
    for (int number = 2; !gradus::make_folder(folder); ++number) {
      folder = first;
      folder += std::string("-").append(std::to_string(number));
    }
    return folder;
  }
  const fs::path folder = fs::path(out) / "";  // "runs/a" and "runs/a/" alike
  std::error_code failure;
  if (fs::exists(out, failure) && !fs::is_directory(out, failure)) {
    throw gradus::ConfigurationError("--out '" + out + "' is not a folder; name a new one.");
  }
  if (!gradus::make_folder(folder.parent_path()) && !fs::is_empty(folder, failure)) {
    throw gradus::ConfigurationError(
        "--out '" + out + "' is not empty, and nothing is overwritten; name a new folder" +
        (options.durable ? ", or add --resume to continue the run in it." : "."));
  }
  return folder.parent_path();
}

fs::path run_folder_to_resume(const std::string& out, std::string_view configuration) {
  const auto folder = (fs::path(out) / "").parent_path();
  std::error_code failure;
  if (!fs::is_directory(folder, failure)) {
    throw gradus::ConfigurationError("--out '" + out +
                                     "' is not a folder, so there is no run to resume; leave out "
                                     "--resume to begin one.");
  }
  const auto run = folder / configuration;
  if (!fs::is_directory(run, failure) && !fs::is_empty(folder, failure)) {
    throw gradus::CheckpointError("--out '" + out + "' holds no run of " +
                                  std::string(configuration) +
                                  "; name the folder and the configuration of one.");
  }
  return folder;
}

void refuse_unsaved(const fs::path& folder) {
  std::error_code failure;
  const bool begun = fs::exists(folder / RunFiles::config, failure);
  if (!begun || fs::exists(folder / RunFiles::checkpoints / "lock", failure)) return;
  throw gradus::CheckpointError(
      "the run in " + folder.string() +
      " was not saved while it trained, as `train` does, so there is nothing to resume from; name "
      "the folder of another one.");
}

void refuse_over(const fs::path& folder) {
  std::error_code failure;
  if (!fs::exists(folder / RunFiles::weights, failure)) return;
  throw gradus::CheckpointError("the run in " + folder.string() +
                                " is over, and there is no checkpoint of it to resume from; begin "
                                "a new one in a new folder, with --init-from its weights.");
}

std::string restart_message(const Options& options, const fs::path& folder) {
  std::error_code failure;
  const bool known = fs::exists(folder / RunFiles::config, failure);
  return "Nothing is saved yet in " + folder.string() + ": the run restarts from step 0" +
         (options.init_from.empty() ? "" : " from the weights " + options.init_from.string()) +
         ", with the numbers " + (known ? "of its config.json and those " : "") +
         "that are given now.";
}

std::string resume_command(const Options& options, const std::string& configuration) {
  auto command = shell_word(options.program) + " train " + configuration + " --resume --out " +
                 shell_word(options.out);
  if (options.data) command += " --data " + shell_word(*options.data);
  if (options.offline) command += " --offline";
  if (options.allow_other_data) command += " --allow-other-data";
  if (options.allow_not_finite) command += " --allow-not-finite";
  if (options.tensorboard) command += " --tensorboard";
  if (options.continue_unsaved) command += " --continue-unsaved";
  if (options.starts_processes) command += " --processes " + std::to_string(options.processes);
  return command;
}

}  // namespace cifar10
