/// Whether bytes are records of CIFAR-10's binary version: bytes alone, without torch.
#pragma once

#include <gradus/data/cifar10_files.hpp>
#include <gradus/error.hpp>
#include <gradus/files/md5.hpp>

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>

namespace gradus::data {

/// Throws DataError unless a file of so many bytes can be one of the six, or of a subset.
inline void check_size(const std::filesystem::path& file, std::uintmax_t bytes, bool is_subset) {
  const auto expect = [&](const std::string& expected) {
    throw DataError(file.string() + " has " + std::to_string(bytes) + " bytes; expected " +
                    expected + ": fetch the official binary version of CIFAR-10 anew.");
  };
  const auto record = std::to_string(cifar10_record_bytes);
  if (bytes == 0) expect("records of " + record + " bytes, and at least one");
  if (bytes % cifar10_record_bytes != 0) expect("whole records of " + record + " bytes each");
  if (is_subset ? bytes > cifar10_file_bytes : bytes != cifar10_file_bytes) {
    expect((is_subset ? "at most " : "") + std::to_string(cifar10_file_bytes) +
           " (10,000 records of " + record + " bytes)");
  }
}

/// Throws DataError, with the record, for a label above 9. `bytes` are whole records.
inline void check_labels(const std::filesystem::path& file, std::span<const std::uint8_t> bytes) {
  for (std::size_t record = 0; record * cifar10_record_bytes < bytes.size(); ++record) {
    const auto label = bytes[record * cifar10_record_bytes];
    if (label > 9) {
      throw DataError(file.string() + " has label " + std::to_string(label) + " in record " +
                      std::to_string(record) +
                      " (from 0); expected a label from 0 to 9: fetch the file anew.");
    }
  }
}

/// Throws DataError if `bytes` have another MD5.
inline void check_md5(const std::filesystem::path& file, std::span<const std::uint8_t> bytes,
                      const std::string& expected) {
  const auto found = md5(bytes);
  if (found != expected) {
    throw DataError(file.string() + " has MD5 " + found + "; expected " + expected +
                    ": fetch the file anew.");
  }
}

}  // namespace gradus::data
