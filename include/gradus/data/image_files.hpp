/// The images of a folder, by class. No torch here.
#pragma once

#include <gradus/error.hpp>
#include <gradus/settings/nearest.hpp>

#include <algorithm>
#include <cctype>
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
  std::vector<std::string> classes;  ///< names of the sub-folders, sorted, or as they were given
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

/// Names of the sub-folders, sorted.
inline std::vector<std::string> classes_in(const std::filesystem::path& folder) {
  std::vector<std::string> classes;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    if (entry.is_directory() && !is_hidden(entry.path())) {
      classes.push_back(entry.path().filename().string());
    }
  }
  std::ranges::sort(classes);
  return classes;
}

}  // namespace detail

/// The images of `folder`: each of its sub-folders is a class, whose images lie there or below.
/// Hidden files, and files beside the sub-folders, are ignored. The label of a class is its place
/// in `classes`, the list of another folder, of which this one may lack some; without such a list
/// it is its place among the sub-folders by name. Throws DataError for a folder that is not there
/// or cannot be read, one without classes, a class that the list has not, a class without images,
/// and a file of a class that is no image by its name.
[[nodiscard]] inline ImageFiles image_files(const std::filesystem::path& folder,
                                            const std::vector<std::string>& classes = {}) {
  ImageFiles files{.folder = folder, .classes = classes, .paths = {}, .labels = {}};
  try {
    const auto there = detail::classes_in(folder);
    if (classes.empty()) files.classes = there;
    for (const auto& name : there) {
      const auto known = std::ranges::find(files.classes, name);
      if (known == files.classes.end()) {
        throw DataError("The folder " + (folder / name).string() +
                        " is none of the classes that were given" + suggestion(name, classes));
      }
      for (auto& path : detail::images_below(folder / name)) {
        files.paths.push_back(std::move(path));
        files.labels.push_back(known - files.classes.begin());
      }
    }
  } catch (const std::filesystem::filesystem_error& error) {
    throw DataError("The folder " + error.path1().string() + " cannot be listed (" +
                    error.code().message() +
                    "); expected a folder of images: name one that this user may read.");
  }
  if (files.paths.empty()) {
    throw DataError("The folder " + folder.string() +
                    " has no sub-folders; expected one for each class, with its images.");
  }
  return files;
}

}  // namespace gradus::data
