/// Fetches the official archive of CIFAR-10 and unpacks it, whole or not at all.
#pragma once

#include <gradus/data/cifar10_files.hpp>
#include <gradus/data/detail/run_program.hpp>
#include <gradus/error.hpp>
#include <gradus/files/md5.hpp>
#include <gradus/files/read_file.hpp>

#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <stdlib.h>
#include <string>
#include <system_error>
#include <vector>

namespace gradus::data {

/// The archive of the binary version, and what it must be.
struct Cifar10Archive {
  std::string url = "https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz";
  std::string md5 = "c32a1d4ab5d03f1284b67883e8d87530";
  int connect_timeout_seconds = 5;  ///< an offline machine continues after this
};

namespace detail {

// A new folder beside its destination, so that a rename stays within one file system.
class TemporaryFolder {
 public:
  explicit TemporaryFolder(const std::filesystem::path& parent) {
    std::error_code failure;
    std::filesystem::create_directories(parent, failure);
    remove_abandoned(parent);
    auto name = (parent / ".unfinished-XXXXXX").string();
    if (failure || ::mkdtemp(name.data()) == nullptr) {
      throw DataError("In the cache folder " + parent.string() + " nothing can be written (" +
                      (failure ? failure.message() : std::strerror(errno)) +
                      "); expected room for CIFAR-10: set GRADUS_CACHE to another folder.");
    }
    path_ = name;
  }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  ~TemporaryFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }

  [[nodiscard]] const std::filesystem::path& path() const { return path_; }

 private:
  // What a killed download left behind; nobody downloads for a day.
  static void remove_abandoned(const std::filesystem::path& parent) {
    std::error_code ignored;
    for (const auto& entry : std::filesystem::directory_iterator(parent, ignored)) {
      if (!entry.path().filename().string().starts_with(".unfinished-")) continue;
      const auto written = entry.last_write_time(ignored);
      const auto now = std::filesystem::file_time_type::clock::now();
      if (ignored || now - written < std::chrono::hours(24)) continue;
      std::filesystem::remove_all(entry.path(), ignored);
    }
  }

  std::filesystem::path path_;
};

inline void fetch_archive(const Cifar10Archive& archive, const std::filesystem::path& file,
                          const std::filesystem::path& log) {
  const auto seconds = std::to_string(archive.connect_timeout_seconds);
  // A transfer below 1 kB/s for 30 s counts as stalled.
  auto result = run_program(
      {"curl", "--fail", "--location", "--silent", "--show-error", "--connect-timeout", seconds,
       "--speed-limit", "1000", "--speed-time", "30", "--output", file.string(), archive.url},
      log);
  if (result.outcome == ProgramResult::Outcome::not_installed) {
    result = run_program({"wget", "--no-verbose", "--tries=1", "--dns-timeout=" + seconds,
                          "--connect-timeout=" + seconds, "--read-timeout=30",
                          "--output-document=" + file.string(), archive.url},
                         log);
  }
  if (result.outcome == ProgramResult::Outcome::not_installed) {
    throw DataError("Neither curl nor wget is installed; expected one of them to fetch " +
                    archive.url + ": install curl, or put the data there by hand.");
  }
  if (result.outcome == ProgramResult::Outcome::failed) {
    throw DataError("The download of " + archive.url + " failed (" + result.message +
                    "); expected the archive: try again with a network connection.");
  }
}

}  // namespace detail

/// Fetches `archive` with curl, else wget, checks its MD5, unpacks it with tar and renames the
/// result to `folder`, which then holds the six files; an incomplete `folder` from before is
/// replaced. Throws DataError, and leaves nothing behind, when any of that fails. Waits for the
/// whole transfer (170 MB).
inline void download_cifar10(const std::filesystem::path& folder,
                             const Cifar10Archive& archive = {}) {
  const detail::TemporaryFolder temporary(folder.parent_path());
  const auto file = temporary.path() / "archive.tar.gz";
  const auto log = temporary.path() / "log";
  detail::fetch_archive(archive, file, log);

  const auto found =
      md5(read_file<DataError>(file, "the archive just fetched", [](std::uintmax_t) {}));
  if (found != archive.md5) {
    throw DataError("The archive from " + archive.url + " has MD5 " + found + "; expected " +
                    archive.md5 + ": see what a proxy made of it, or fetch it by hand.");
  }
  const auto unpacked = detail::run_program(
      {"tar", "-xzf", file.string(), "-C", temporary.path().string(), "--no-same-owner"}, log);
  if (unpacked.outcome != detail::ProgramResult::Outcome::done) {
    throw DataError("The archive from " + archive.url + " cannot be unpacked (" + unpacked.message +
                    "); expected a gzip-compressed tar archive: see that tar is installed and the "
                    "disk has room.");
  }
  const auto place = cifar10_folder(temporary.path());
  std::error_code failure;
  std::filesystem::rename(place, folder, failure);
  if (failure && !holds_cifar10(folder)) {  // else another process was quicker
    std::filesystem::remove_all(folder, failure);
    std::filesystem::rename(place, folder, failure);
    if (failure) {
      throw DataError("The data cannot be moved to " + folder.string() + " (" + failure.message() +
                      "); expected a folder of ours: remove it, or set GRADUS_CACHE to another.");
    }
  }
}

}  // namespace gradus::data
