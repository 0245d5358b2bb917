/// One owner at a time: a lock that ends with its process, however that ends.
#pragma once

#include <gradus/error.hpp>
#include <gradus/files/write_file.hpp>

#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <filesystem>
#include <string>
#include <sys/file.h>
#include <unistd.h>

namespace gradus {

/// Holds the file `path`, which stays behind and says the number of the last process that held it.
class FileLock {
 public:
  /// Makes the file and its folders. Throws ResourceError if another lock, of this process or
  /// another, holds it, or if it cannot be made.
  explicit FileLock(const std::filesystem::path& path) {
    make_folder(path.parent_path());
    descriptor_ = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0666);
    if (descriptor_ < 0) detail::refuse_write(path, std::strerror(errno));
    if (::flock(descriptor_, LOCK_EX | LOCK_NB) != 0) {
      const bool held = errno == EWOULDBLOCK;
      const std::string cause = std::strerror(errno);
      const std::string owner = held ? text() : "";
      ::close(descriptor_);
      if (!held) detail::refuse_write(path, cause);
      throw ResourceError("the folder " + path.parent_path().string() +
                          " is in use by another run" +
                          (owner.empty() ? "" : " (process " + owner + ")") +
                          "; wait for its end, or name another folder.");
    }
    const auto number = std::to_string(::getpid());
    if (::ftruncate(descriptor_, 0) != 0 || !detail::write_all(descriptor_, number)) {
      const std::string cause = std::strerror(errno);
      ::close(descriptor_);
      detail::refuse_write(path, cause);
    }
  }
  FileLock(const FileLock&) = delete;
  FileLock& operator=(const FileLock&) = delete;
  ~FileLock() { ::close(descriptor_); }

 private:
  [[nodiscard]] std::string text() const {
    char digits[24] = {};
    const auto got = ::pread(descriptor_, digits, sizeof digits - 1, 0);
    return {digits, got > 0 ? static_cast<std::size_t>(got) : 0};
  }

  int descriptor_ = -1;
};

}  // namespace gradus
