/// Whether bytes are records of CIFAR-10's binary version: bytes alone, without torch.
#pragma once

#include <gradus/data/cifar10_files.hpp>
#include <gradus/data/cifar_records.hpp>
#include <gradus/error.hpp>
#include <gradus/files/md5.hpp>

#include <cstdint>
#include <filesystem>
#include <span>
#include <string>

namespace gradus::data {

/// Throws DataError unless a file of so many bytes can be one of the six, or of a subset.
inline void check_size(const std::filesystem::path& file, std::uintmax_t bytes, bool is_subset) {
  check_cifar_size(cifar10_form, file, bytes, {.records = 10'000, .or_fewer = is_subset});
}

/// Throws DataError, with the record, for a label above 9. `bytes` are whole records.
inline void check_labels(const std::filesystem::path& file, std::span<const std::uint8_t> bytes) {
  check_cifar_labels(cifar10_form, file, bytes);
}

/// Throws DataError if `bytes` have another MD5.
inline void check_md5(const std::filesystem::path& file, std::span<const std::uint8_t> bytes,
                      const std::string& expected) {
  const auto found = md5(bytes);
  if (found != expected) {
    throw DataError(file.string() + " has MD5 " + found + "; expected " + expected +
                    ": fetch the file again.");
  }
}

}  // namespace gradus::data
