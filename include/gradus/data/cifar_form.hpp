/// What the binary versions of CIFAR have in common on disk: a folder of files of records.
#pragma once

#include <gradus/error.hpp>

#include <algorithm>
#include <cstddef>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <system_error>

namespace gradus::data {

inline constexpr std::size_t cifar_pixel_bytes = 3072;  // 3 planes of 32 x 32

/// A byte of a record that is a class.
struct CifarLabel {
  std::string_view name;
  int classes;
};

/// One of the two data sets. A record is a byte for each label, then the pixels.
struct CifarForm {
  std::string_view name;
  std::string_view folder;  ///< that the archive unpacks to
  std::span<const std::string_view> files;
  std::span<const CifarLabel> labels;

  [[nodiscard]] constexpr std::size_t record_bytes() const {
    return labels.size() + cifar_pixel_bytes;
  }
};

namespace detail {

/// Whether `path` is there. Throws DataError where that cannot be told.
inline bool is_there(const CifarForm& form, const std::filesystem::path& path) {
  std::error_code failure;
  const bool found = std::filesystem::exists(path, failure);  // not found is no failure
  if (!failure) return found;
  throw DataError(path.string() + " cannot be looked for (" + failure.message() +
                  "); expected a folder with the binary version of " + std::string(form.name) +
                  ": make it readable for this user, or name another.");
}

}  // namespace detail

/// The folder that holds the files of `form`: `folder`, or the archive's in it. Throws DataError
/// when there is no such folder, or one of the files is missing.
[[nodiscard]] inline std::filesystem::path cifar_folder(const CifarForm& form,
                                                        const std::filesystem::path& folder) {
  const std::string name(form.name);
  std::error_code ignored;
  if (!std::filesystem::is_directory(folder, ignored)) {
    throw DataError("The data folder " + folder.string() +
                    (detail::is_there(form, folder) ? " is not a folder" : " does not exist") +
                    "; expected one with the binary version of " + name +
                    ": name the folder that holds " + std::string(form.files.front()) + ".");
  }
  const auto there = [&](const std::filesystem::path& place) {
    return std::ranges::count_if(
        form.files, [&](std::string_view file) { return detail::is_there(form, place / file); });
  };
  const auto inner = folder / form.folder;
  const auto place = there(folder) == 0 && there(inner) > 0 ? inner : folder;
  for (const auto file : form.files) {
    if (detail::is_there(form, place / file)) continue;
    throw DataError("The data folder " + place.string() + " has " + std::to_string(there(place)) +
                    " of the " + std::to_string(form.files.size()) + " files of " + name +
                    "'s binary version, and not " + std::string(file) +
                    "; expected all of them: name another folder, or put the missing ones there.");
  }
  return place;
}

}  // namespace gradus::data
