/// What CIFAR-10's binary version looks like on disk: its files, their sizes and MD5s, and its
/// subsets.
#pragma once

#include <gradus/data/cifar_form.hpp>
#include <gradus/error.hpp>
#include <gradus/files/read_file.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <sstream>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

namespace gradus::data {

inline constexpr std::size_t cifar10_pixel_bytes = cifar_pixel_bytes;
inline constexpr std::size_t cifar10_record_bytes = 3073;  // a label, then the pixels
inline constexpr std::size_t cifar10_file_bytes = 30'730'000;

/// The five training files, then the test file.
inline constexpr std::array<std::string_view, 6> cifar10_files{
    "data_batch_1.bin", "data_batch_2.bin", "data_batch_3.bin",
    "data_batch_4.bin", "data_batch_5.bin", "test_batch.bin"};

/// Of labels 0 to 9, as batches.meta.txt has them.
inline constexpr std::array<std::string_view, 10> cifar10_class_names{
    "airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"};

/// One MD5 a file, in the order of `cifar10_files`.
using Cifar10Md5 = std::array<std::string, 6>;

/// Those of the official files.
inline const Cifar10Md5 cifar10_md5{
    "5dd7e06a14cb22eb9f671a540d1b7c25", "5ea93a67294ea407fff1d09f752e9692",
    "942cd6a4bcdd0dd3c604fbe906cb4421", "ae636b3ba5c66a11e91e8cb52e771fcb",
    "53f37980c15c3d472c316c40844f3f0d", "803d5f7f4d78ea53de84dbe85f74fb6d"};

/// Records of a label from 0 to 9 and the pixels.
inline constexpr std::array<CifarLabel, 1> cifar10_labels{{{"label", 10}}};
inline constexpr CifarForm cifar10_form{.name = "CIFAR-10",
                                        .folder = "cifar-10-batches-bin",
                                        .files = cifar10_files,
                                        .labels = cifar10_labels};

/// The folder that holds the files: `folder`, or `cifar-10-batches-bin` in it. Throws DataError
/// when there is no such folder, or one of the six files is missing.
[[nodiscard]] inline std::filesystem::path cifar10_folder(const std::filesystem::path& folder) {
  return cifar_folder(cifar10_form, folder);
}

/// Whether `cifar10_folder(folder)` finds the six files.
[[nodiscard]] inline bool holds_cifar10(const std::filesystem::path& folder) {
  try {
    return !cifar10_folder(folder).empty();
  } catch (const DataError&) {
    return false;
  }
}

/// That of all official records, as `checksum` (data/cifar10.hpp) gives it.
inline constexpr std::string_view cifar10_checksum = "3b791db1eb8a35b4f03b44faab0d7560";

/// The name of the file that makes a folder a subset: the output of `md5sum *.bin`.
inline constexpr std::string_view subset_manifest_name = "subset.md5";

/// Whether a folder holds the subset of CIFAR-10 that comes with gradus: it has a manifest of its
/// own.
[[nodiscard]] inline bool is_subset(const std::filesystem::path& folder) {
  std::error_code ignored;
  return std::filesystem::exists(folder / subset_manifest_name, ignored);
}

namespace detail {

inline constexpr std::string_view subset_manifest_form =
    "one line of md5sum for each of the 6 files";

[[noreturn]] inline void refuse_manifest(const std::filesystem::path& path,
                                         const std::string& found) {
  throw DataError(path.string() + " " + found + "; expected " + std::string(subset_manifest_form) +
                  ": make it again with md5sum *.bin.");
}

}  // namespace detail

/// Of the text of `path`. Throws as `subset_manifest`.
[[nodiscard]] inline Cifar10Md5 parse_subset_manifest(const std::filesystem::path& path,
                                                      const std::string& text) {
  const auto refuse = [&](const std::string& found) { detail::refuse_manifest(path, found); };
  std::istringstream lines(text);
  Cifar10Md5 sums;
  for (std::string line; std::getline(lines, line);) {
    const auto blanks = line.find("  ");
    const auto sum = line.substr(0, blanks);
    const auto* file = std::ranges::find(
        cifar10_files, blanks == std::string::npos ? "" : line.substr(blanks + 2));
    if (sum.size() != 32 || sum.find_first_not_of("0123456789abcdef") != std::string::npos ||
        file == cifar10_files.end()) {
      refuse("has the line \"" + line.substr(0, 80) + "\"");
    }
    sums[static_cast<std::size_t>(file - cifar10_files.begin())] = sum;
  }
  for (std::size_t i = 0; i < sums.size(); ++i) {
    if (sums[i].empty()) refuse("does not name " + std::string(cifar10_files[i]));
  }
  return sums;
}

/// The MD5s of a subset, or nothing for a folder without `subset.md5`. That file says: here each
/// file may hold any number of records, but it has exactly this MD5. Throws DataError when a line
/// is not an MD5, two blanks and a file name, or when one of the six files has no line.
[[nodiscard]] inline std::optional<Cifar10Md5> subset_manifest(
    const std::filesystem::path& folder) {
  if (!is_subset(folder)) return std::nullopt;
  const auto path = folder / subset_manifest_name;
  const auto bytes =
      read_file<DataError>(path, std::string(detail::subset_manifest_form), [&](auto size) {
        if (size > 4096) detail::refuse_manifest(path, "has " + std::to_string(size) + " bytes");
      });
  return parse_subset_manifest(path, {bytes.begin(), bytes.end()});
}

}  // namespace gradus::data
