/// Writing a file so that a reader sees the old text or the new, never half of it.
#pragma once

#include <gradus/error.hpp>

#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <fcntl.h>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <system_error>
#include <unistd.h>

namespace gradus {

/// Between the name of a file and the number of the process that writes it again.
inline constexpr std::string_view unfinished_mark = ".unfinished-";

namespace detail {

/// Throws ResourceError: what failed, on which path, what the system said, what to do.
[[noreturn]] inline void refuse_write(const std::filesystem::path& path, const std::string& cause) {
  throw ResourceError("Cannot write " + path.string() + ": " + cause +
                      "; give a folder that can be written to and has space left.");
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

/// Likewise all pieces, small ones together.
inline bool write_all(int descriptor, std::span<const std::string_view> pieces) {
  constexpr std::size_t together = std::size_t{1} << 20;  // bytes
  std::string small;
  for (const auto piece : pieces) {
    if (small.size() + piece.size() <= together) {
      small += piece;
      continue;
    }
    if (!write_all(descriptor, std::string_view(small))) return false;
    small.clear();
    if (!write_all(descriptor, piece)) return false;
  }
  return write_all(descriptor, std::string_view(small));
}

/// Calls `use` with a descriptor of `path`, closes it, and returns 0 or the first error number.
template <class Use>
int with_open(const std::filesystem::path& path, int flags, Use use) {
  const int descriptor = ::open(path.c_str(), flags | O_CLOEXEC, 0666);
  if (descriptor < 0) return errno;
  int cause = use(descriptor) ? 0 : errno;
  if (::close(descriptor) != 0 && cause == 0) cause = errno;
  return cause;
}

inline int sync_path(const std::filesystem::path& path, int flags = O_RDONLY) {
  return with_open(path, flags, [](int descriptor) { return ::fsync(descriptor) == 0; });
}

/// The names in the folder that `path` lies in. Throws ResourceError.
inline void sync_parent(const std::filesystem::path& path) {
  const auto folder = path.has_parent_path() ? path.parent_path() : std::filesystem::path(".");
  const int cause = sync_path(folder, O_RDONLY | O_DIRECTORY);
  if (cause != 0) refuse_write(path, std::strerror(cause));
}

}  // namespace detail

/// Makes the folder, and those above it that are missing, each on the disk once this returns.
/// Returns whether it was not there before. Throws ResourceError.
inline bool make_folder(const std::filesystem::path& folder) {
  std::error_code failure;
  if (folder.empty() || std::filesystem::is_directory(folder, failure)) return false;
  if (!folder.has_filename()) return make_folder(folder.parent_path());  // "runs/a/"
  make_folder(folder.parent_path());
  const bool made = std::filesystem::create_directory(folder, failure);
  if (failure) detail::refuse_write(folder, failure.message());
  if (made) detail::sync_parent(folder);
  return made;
}

/// Replaces the file at `path` by `pieces`, one after the other, whole or not at all: they are
/// written to a new file in the same folder, which is flushed (fsync) and renamed; the folder is
/// flushed too. Missing folders are made. Throws ResourceError and leaves the old file as it was
/// (or, if only the folder could not be flushed, the new one).
inline void write_file(const std::filesystem::path& path,
                       std::span<const std::string_view> pieces) {
  make_folder(path.parent_path());
  std::filesystem::path fresh = path;
  fresh += std::string(unfinished_mark) + std::to_string(::getpid());
  int cause = detail::with_open(fresh, O_WRONLY | O_CREAT | O_TRUNC, [&](int descriptor) {
    return detail::write_all(descriptor, pieces) && ::fsync(descriptor) == 0;
  });
  if (cause == 0 && std::rename(fresh.c_str(), path.c_str()) != 0) cause = errno;
  if (cause != 0) {
    ::unlink(fresh.c_str());
    detail::refuse_write(path, std::strerror(cause));
  }
  detail::sync_parent(path);
}

inline void write_file(const std::filesystem::path& path, std::string_view bytes) {
  write_file(path, std::span(&bytes, 1));
}

/// Brings what was written to the file, and its name, onto the disk. Throws ResourceError.
inline void sync_file(const std::filesystem::path& path) {
  const int cause = detail::sync_path(path);
  if (cause != 0) detail::refuse_write(path, std::strerror(cause));
  detail::sync_parent(path);
}

/// Cuts the file to its first `bytes`. Throws ResourceError.
inline void cut_file(const std::filesystem::path& path, std::uintmax_t bytes) {
  std::error_code failure;
  std::filesystem::resize_file(path, bytes, failure);
  if (failure) detail::refuse_write(path, failure.message());
}

}  // namespace gradus
