/// What the tests of the data room share: temporary folders, small data sets, errors as text.
#pragma once

#include "catch.hpp"
#include "folder.hpp"
#include <gradus/core/random.hpp>
#include <gradus/data/cifar10_files.hpp>
#include <gradus/data/image_dataset.hpp>
#include <gradus/error.hpp>
#include <gradus/files/md5.hpp>

#include <cmath>
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

/// Whether `name` names a folder of data; a warning if not.
inline const char* full_set(const char* name) {
  const char* folder = std::getenv(name);
  if (folder != nullptr && *folder != '\0') return folder;
  CATCH_WARN("skipped: " << name << " does not name the data");
  return nullptr;
}

/// That `stated` are the mean and the deviation of each channel of `images` [N, C, H, W] uint8, in
/// parts of 255 and to four digits: the definition, over the counts of each byte.
inline void check_normalization(const at::Tensor& images, const Normalization& stated) {
  for (std::int64_t channel = 0; channel < images.size(1); ++channel) {
    const auto counts = at::bincount(images.select(1, channel).flatten(), {}, 256).to(at::kDouble);
    const auto values = at::arange(256, at::kDouble) / 255;
    const auto weights = counts / counts.sum();
    const auto mean = weights.dot(values).item<double>();
    const auto deviation = std::sqrt(weights.dot((values - mean).square()).item<double>());
    const auto c = static_cast<std::size_t>(channel);
    CATCH_CHECK(std::abs(mean - static_cast<double>(stated.mean.at(c))) < 6e-5);
    CATCH_CHECK(std::abs(deviation - static_cast<double>(stated.deviation.at(c))) < 6e-5);
  }
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
