/// Whether bytes are records of a binary version of CIFAR: bytes alone, without torch.
#pragma once

#include <gradus/data/cifar_form.hpp>
#include <gradus/error.hpp>

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>

namespace gradus::data {

/// How many records a file has.
struct CifarCount {
  std::uintmax_t records;  ///< 1,000 or more
  bool or_fewer = false;   ///< at least one
};

/// Throws DataError unless a file of so many bytes can hold that.
inline void check_cifar_size(const CifarForm& form, const std::filesystem::path& file,
                             std::uintmax_t bytes, CifarCount count) {
  const auto expect = [&](const std::string& expected) {
    throw DataError(file.string() + " has " + std::to_string(bytes) + " bytes; expected " +
                    expected + ": fetch the official binary version of " + std::string(form.name) +
                    " again.");
  };
  const auto record = std::to_string(form.record_bytes());
  if (bytes == 0) expect("records of " + record + " bytes, and at least one");
  if (bytes % form.record_bytes() != 0) expect("whole records of " + record + " bytes each");
  const auto full = count.records * form.record_bytes();
  if (count.or_fewer ? bytes > full : bytes != full) {
    const auto thousands = std::to_string(count.records / 1000) + "," +
                           std::to_string(1000 + count.records % 1000).substr(1);
    expect((count.or_fewer ? "at most " : "") + std::to_string(full) + " (" + thousands +
           " records of " + record + " bytes)");
  }
}

/// Throws DataError, with the record, for a label that is no class. `bytes` are whole records.
inline void check_cifar_labels(const CifarForm& form, const std::filesystem::path& file,
                               std::span<const std::uint8_t> bytes) {
  for (std::size_t record = 0; record * form.record_bytes() < bytes.size(); ++record) {
    for (std::size_t k = 0; k < form.labels.size(); ++k) {
      const auto [name, classes] = form.labels[k];
      const int label = bytes[record * form.record_bytes() + k];
      if (label < classes) continue;
      throw DataError(file.string() + " has " + std::string(name) + " " + std::to_string(label) +
                      " in record " + std::to_string(record) +
                      " (from 0); expected a label from 0 to " + std::to_string(classes - 1) +
                      ": fetch the file again.");
    }
  }
}

}  // namespace gradus::data
