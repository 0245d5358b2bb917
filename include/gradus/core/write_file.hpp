/// Writing a file so that a reader sees the old text or the new, never half of it.
#pragma once

#include <gradus/core/error.hpp>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <fcntl.h>
#include <filesystem>
#include <string>
#include <string_view>
#include <system_error>
#include <unistd.h>

namespace gradus {

namespace detail {

/// Throws ResourceError: what failed, on which path, what the system said, what to do.
[[noreturn]] inline void refuse_write(const std::filesystem::path& path, const std::string& cause) {
  throw ResourceError("Cannot write " + path.string() + ": " + cause +
                      "; give a folder that can be written to and has space left (--out).");
}

/// Makes the folder that `path` is to lie in.
inline void make_parent(const std::filesystem::path& path) {
  std::error_code failure;
  if (path.has_parent_path()) std::filesystem::create_directories(path.parent_path(), failure);
  if (failure) refuse_write(path, failure.message());
}

/// Writes all of `bytes` to `descriptor`; false, with errno set, if that failed.
inline bool write_all(int descriptor, std::string_view bytes) {
  while (!bytes.empty()) {
    const auto written = ::write(descriptor, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return false;
    bytes.remove_prefix(static_cast<std::size_t>(written));
  }
  return true;
}

}  // namespace detail

/// Replaces the file at `path` by `bytes`, whole or not at all: they go to a new file in the same
/// folder, onto the disk, and then take the name. Missing folders are made.
/// Throws ResourceError and leaves the old file as it was.
inline void write_file(const std::filesystem::path& path, std::string_view bytes) {
  detail::make_parent(path);
  std::filesystem::path fresh = path;
  fresh += ".new-" + std::to_string(::getpid());
  const int descriptor = ::open(fresh.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
  if (descriptor < 0) detail::refuse_write(path, std::strerror(errno));
  bool good = detail::write_all(descriptor, bytes) && ::fsync(descriptor) == 0;
  int cause = errno;
  if (::close(descriptor) != 0 && good) {
    good = false;
    cause = errno;
  }
  if (good && std::rename(fresh.c_str(), path.c_str()) != 0) {
    good = false;
    cause = errno;
  }
  if (good) return;
  ::unlink(fresh.c_str());
  detail::refuse_write(path, std::strerror(cause));
}

}  // namespace gradus
