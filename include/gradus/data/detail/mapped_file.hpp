/// A file that is read where it lies, page by page as it is asked for.
#pragma once

#include <gradus/error.hpp>

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <fcntl.h>
#include <filesystem>
#include <span>
#include <string>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include <utility>

namespace gradus::data::detail {

/// The bytes of a regular file that is not empty, mapped read-only.
class MappedFile {
 public:
  /// `expected` says in a few words what the file should be. Throws DataError.
  MappedFile(std::filesystem::path path, const std::string& expected) : path_(std::move(path)) {
    file_ = ::open(path_.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);  // a pipe would block
    const int cause = errno;
    try {
      if (file_ < 0) {
        refuse(cause == ENOENT ? "does not exist"
                               : std::string("cannot be opened (") + std::strerror(cause) + ")",
               expected, "name a file that this user may read");
      }
      struct stat status{};
      const bool known = ::fstat(file_, &status) == 0;
      if (known && S_ISDIR(status.st_mode)) refuse("is a folder", expected, "name a file in it");
      if (!known || !S_ISREG(status.st_mode)) {
        refuse("is not a regular file", expected, "name the file itself");
      }
      size_ = static_cast<std::size_t>(status.st_size);
      if (size_ == 0) refuse("is empty", expected, "write it again");
      data_ = ::mmap(nullptr, size_, PROT_READ, MAP_SHARED, file_, 0);
      if (data_ == MAP_FAILED) {
        refuse(std::string("cannot be mapped (") + std::strerror(errno) + ")", expected,
               "allow the process more address space");
      }
    } catch (...) {
      if (file_ >= 0) ::close(file_);
      throw;
    }
  }
  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;
  ~MappedFile() {
    ::munmap(data_, size_);
    ::close(file_);
  }

  [[nodiscard]] const std::filesystem::path& path() const { return path_; }
  [[nodiscard]] std::span<const std::uint8_t> bytes() const {
    return {static_cast<const std::uint8_t*>(data_), size_};
  }

  /// Throws DataError if the file has become shorter or longer: to read behind its end would end
  /// the process.
  void check_size() const {
    struct stat status{};
    if (::fstat(file_, &status) == 0 && static_cast<std::size_t>(status.st_size) == size_) return;
    refuse("changed its size to " + std::to_string(status.st_size) + " bytes while it was in use",
           "the " + std::to_string(size_) + " that it had", "let no other program write to it");
  }

 private:
  [[noreturn]] void refuse(const std::string& found, const std::string& expected,
                           const std::string& next_step) const {
    throw DataError(path_.string() + " " + found + "; expected " + expected + ": " + next_step +
                    ".");
  }

  std::filesystem::path path_;
  int file_ = -1;
  void* data_ = nullptr;
  std::size_t size_ = 0;
};

}  // namespace gradus::data::detail
