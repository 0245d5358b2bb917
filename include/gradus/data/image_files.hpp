/// The images of a folder, by class. No torch here.
#pragma once

#include <gradus/error.hpp>

#include <algorithm>
#include <cctype>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

namespace gradus::data {

/// Files in the order of torchvision's ImageFolder, with a label each.
struct ImageFiles {
  std::filesystem::path folder;
  std::vector<std::string> classes;  ///< names of the sub-folders, sorted
  std::vector<std::filesystem::path> paths;
  std::vector<std::int64_t> labels;  ///< a place in `classes` for each path
};

namespace detail {

inline bool is_hidden(const std::filesystem::path& path) {
  return path.filename().string().starts_with('.');
}

/// Those in `folder` and below, sorted by folder, then by name.
inline std::vector<std::filesystem::path> images_below(const std::filesystem::path& folder) {
  std::vector<std::filesystem::path> paths;
  constexpr auto follow = std::filesystem::directory_options::follow_directory_symlink;
  for (auto entry = std::filesystem::recursive_directory_iterator(folder, follow);
       entry != std::filesystem::recursive_directory_iterator(); ++entry) {
    const auto& path = entry->path();
    if (is_hidden(path)) {
      if (entry->is_directory()) entry.disable_recursion_pending();
      continue;
    }
    if (entry->is_directory()) continue;
    auto extension = path.extension().string();
    std::ranges::transform(extension, extension.begin(), [](unsigned char letter) {
      return static_cast<char>(std::tolower(letter));
    });
    if (extension != ".png" && extension != ".jpg" && extension != ".jpeg") {
      throw DataError(path.string() + " has the extension '" + extension +
                      "'; expected .png, .jpg or .jpeg in the folder of a class: convert the file, "
                      "or take it out.");
    }
    paths.push_back(path);
  }
  std::ranges::sort(paths, {}, [](const std::filesystem::path& path) {
    return std::tuple(path.parent_path().string(), path.filename().string());
  });
  if (paths.empty()) {
    throw DataError("The folder " + folder.string() +
                    " has no images; expected at least one of its class: fill it, or remove it.");
  }
  return paths;
}

}  // namespace detail

/// The images of `folder`: each of its sub-folders is a class, whose images lie there or below.
/// Hidden files, and files beside the sub-folders, are ignored. Throws DataError for a folder that
/// is not there or cannot be read, one without classes, a class without images, and a file of a
/// class that is no image by its name.
[[nodiscard]] inline ImageFiles image_files(const std::filesystem::path& folder) {
  ImageFiles files{.folder = folder, .classes = {}, .paths = {}, .labels = {}};
  try {
    for (const auto& entry : std::filesystem::directory_iterator(folder)) {
      if (entry.is_directory() && !detail::is_hidden(entry.path())) {
        files.classes.push_back(entry.path().filename().string());
      }
    }
    std::ranges::sort(files.classes);
    for (std::size_t label = 0; label < files.classes.size(); ++label) {
      for (auto& path : detail::images_below(folder / files.classes[label])) {
        files.paths.push_back(std::move(path));
        files.labels.push_back(static_cast<std::int64_t>(label));
      }
    }
  } catch (const std::filesystem::filesystem_error& error) {
    throw DataError("The folder " + error.path1().string() + " cannot be listed (" +
                    error.code().message() +
                    "); expected a folder of images: name one that this user may read.");
  }
  if (files.classes.empty()) {
    throw DataError("The folder " + folder.string() +
                    " has no sub-folders; expected one for each class, with its images.");
  }
  return files;
}

}  // namespace gradus::data
