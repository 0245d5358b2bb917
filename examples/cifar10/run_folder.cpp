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

}  // namespace cifar10
