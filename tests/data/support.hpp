/// What the tests of the data room share: temporary folders, small data sets, errors as text.
#pragma once

#include "catch.hpp"
#include "folder.hpp"
#include <gradus/core/random.hpp>
#include <gradus/data/cifar10_files.hpp>
#include <gradus/error.hpp>
#include <gradus/files/md5.hpp>

#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <optional>
#include <string>
#include <vector>

namespace gradus::data::test {

using Catch::Matchers::ContainsSubstring;
using gradus::test::Folder;
using Bytes = std::vector<std::uint8_t>;

/// Sets an environment variable, or removes it, until the end of the scope.
class Environment {
 public:
  Environment(const char* name, std::optional<std::string> value) : name_(name) {
    if (const char* now = std::getenv(name)) before_ = now;
    set(value);
  }
  Environment(const Environment&) = delete;
  Environment& operator=(const Environment&) = delete;
  ~Environment() { set(before_); }

 private:
  void set(const std::optional<std::string>& value) {
    value ? ::setenv(name_, value->c_str(), 1) : ::unsetenv(name_);
  }
  const char* name_;
  std::optional<std::string> before_;
};

inline void write(const std::filesystem::path& file, const Bytes& bytes) {
  std::ofstream(file, std::ios::binary)
      .write(reinterpret_cast<const char*>(bytes.data()),
             static_cast<std::streamsize>(bytes.size()));
}

inline void write(const std::filesystem::path& file, const std::string& text) {
  write(file, Bytes(text.begin(), text.end()));
}

/// `count` records of CIFAR-10's format with arbitrary pixels and labels that go round.
inline Bytes records(std::size_t count, std::uint64_t seed) {
  Random random(seed);
  Bytes bytes(count * cifar10_record_bytes);
  for (auto& byte : bytes) byte = static_cast<std::uint8_t>(random.below(256));
  for (std::size_t i = 0; i < count; ++i) {
    bytes[i * cifar10_record_bytes] = static_cast<std::uint8_t>(i % 10);
  }
  return bytes;
}

/// Writes `subset.md5` for the files as they are now.
inline void write_manifest(const std::filesystem::path& folder) {
  std::string manifest;
  for (const auto file : cifar10_files) {
    const auto bytes =
        read_file<DataError>(folder / file, "a file of the test", [](std::uintmax_t) {});
    manifest += md5(bytes) + "  " + std::string(file) + "\n";
  }
  write(folder / subset_manifest_name, manifest);
}

/// A subset of six files with `count` records each.
inline void write_small_cifar10(const std::filesystem::path& folder, std::size_t count) {
  std::filesystem::create_directories(folder);
  for (std::size_t i = 0; i < cifar10_files.size(); ++i) {
    write(folder / cifar10_files[i], records(count, i));
  }
  write_manifest(folder);
}

/// The subset that comes with gradus.
inline std::filesystem::path shipped_subset() {
  return std::filesystem::path(__FILE__).parent_path().parent_path().parent_path() /
         "examples/cifar10/data/cifar-10-subset-bin";
}

/// The sentence of the DataError that `action` throws.
template <class Action>
std::string refusal(Action action) {
  try {
    action();
  } catch (const DataError& error) {
    return error.what();
  }
  CATCH_FAIL("expected a DataError");
  return {};
}

}  // namespace gradus::data::test
