#include "run_folder.hpp"

#include <gradus/core/error.hpp>

#include <ctime>
#include <system_error>

namespace cifar10 {

namespace fs = std::filesystem;

namespace {

/// False if the folder is there already; its parents are made.
bool make_folder(const fs::path& folder) {
  std::error_code failure;
  if (folder.has_parent_path()) fs::create_directories(folder.parent_path(), failure);
  const bool made = !failure && fs::create_directory(folder, failure);
  if (failure) {
    throw gradus::ResourceError("the output folder '" + folder.string() + "' cannot be made (" +
                                failure.message() + "); name one that can be written with --out.");
  }
  return made;
}

std::string now() {
  const auto time = std::time(nullptr);
  std::tm local{};
  localtime_r(&time, &local);
  std::string stamp(32, '\0');
  stamp.resize(std::strftime(stamp.data(), stamp.size(), "%Y-%m-%d-%H%M%S", &local));
  return stamp;
}

}  // namespace

fs::path make_run_folder(const std::string& out) {
  if (out.empty()) {
    const auto first = fs::path("runs") / now();
    auto folder = first;
    for (int number = 2; !make_folder(folder); ++number) {
      folder = first;
      folder += std::string("-").append(std::to_string(number));
    }
    return folder;
  }
  const fs::path folder = fs::path(out) / "";  // "runs/a" and "runs/a/" alike
  std::error_code failure;
  if (!make_folder(folder.parent_path()) &&
      !(fs::is_directory(folder, failure) && fs::is_empty(folder, failure))) {
    throw gradus::ConfigurationError(
        "--out '" + out + "' holds something already; name a new folder, nothing is overwritten.");
  }
  return folder.parent_path();
}

fs::path run_folder_to_resume(const std::string& out, std::string_view configuration) {
  const auto folder = (fs::path(out) / "").parent_path();
  std::error_code failure;
  if (!fs::is_directory(folder, failure)) {
    throw gradus::ConfigurationError("--out '" + out +
                                     "' is no folder, so there is no run to go on with; leave out "
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

}  // namespace cifar10
