/// Reads a whole file strictly: exactly the bytes it says it has, or an error that names it.
#pragma once

#include <gradus/error.hpp>

#include <cerrno>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <fcntl.h>
#include <filesystem>
#include <string>
#include <sys/stat.h>
#include <sys/types.h>
#include <unistd.h>
#include <vector>

namespace gradus {

/// read(2), or something with its contract that a test puts in its place.
template <class R>
concept ReadCall = requires(R& read, int file, void* buffer, std::size_t bytes) {
  { read(file, buffer, bytes) } -> std::same_as<ssize_t>;
};

namespace detail {

class OpenFile {
 public:
  explicit OpenFile(const std::filesystem::path& path)
      : descriptor_(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK)) {
  }  // a pipe would block
  OpenFile(const OpenFile&) = delete;
  OpenFile& operator=(const OpenFile&) = delete;
  ~OpenFile() {
    if (descriptor_ >= 0) ::close(descriptor_);
  }

  [[nodiscard]] int descriptor() const { return descriptor_; }

 private:
  int descriptor_;
};

}  // namespace detail

/// The bytes of the regular file `path`. `expected` says in a few words what the file should be,
/// for the error; `check_size(bytes)` may refuse its size before anything is read; `read` is
/// read(2) but in tests. Throws `Problem`, an error of error.hpp, when the file does not exist,
/// cannot be opened, is not a regular file, fails while it is read, or changes its size meanwhile.
/// Copies the bytes rather than mapping the file: a mapped file that another program cuts short
/// would kill this one.
template <class Problem, std::invocable<std::uintmax_t> CheckSize,
          ReadCall Read = decltype(&::read)>
[[nodiscard]] std::vector<std::uint8_t> read_file(const std::filesystem::path& path,
                                                  const std::string& expected, CheckSize check_size,
                                                  Read read = &::read) {
  const auto refuse = [&](const std::string& found, const std::string& next_step) {
    throw Problem(path.string() + " " + found + "; expected " + expected + ": " + next_step + ".");
  };
  const auto system_says = [](int error) { return std::string(" (") + std::strerror(error) + ")"; };

  const detail::OpenFile file(path);
  if (file.descriptor() < 0) {
    const int error = errno;
    if (error == ENOENT) refuse("does not exist", "name a file that exists");
    refuse("cannot be opened" + system_says(error), "make it readable for this user");
  }
  struct stat status{};
  if (::fstat(file.descriptor(), &status) != 0) {
    refuse("cannot be examined" + system_says(errno), "see whether its storage is in order");
  }
  if (S_ISDIR(status.st_mode)) refuse("is a folder", "name a file in it");
  if (!S_ISREG(status.st_mode)) refuse("is not a regular file", "name the file itself");
  check_size(static_cast<std::uintmax_t>(status.st_size));

  // One byte more than the file says it has, to notice a file that grows.
  std::vector<std::uint8_t> bytes(static_cast<std::size_t>(status.st_size) + 1);
  std::size_t filled = 0;
  while (filled < bytes.size()) {
    const auto got = read(file.descriptor(), bytes.data() + filled, bytes.size() - filled);
    if (got == 0) break;
    if (got > 0) {
      filled += static_cast<std::size_t>(got);
    } else if (errno != EINTR) {
      refuse("cannot be read past byte " + std::to_string(filled) + system_says(errno),
             "see whether its storage is in order, or fetch the file again");
    }
  }
  bytes.pop_back();
  if (filled != bytes.size()) {
    const auto size = std::to_string(bytes.size()) + " bytes";
    refuse((filled < bytes.size() ? "ended after " + std::to_string(filled) + " of "
                                  : "grew beyond ") +
               size + " while it was read",
           "let no other program write to it, and read again");
  }
  return bytes;
}

}  // namespace gradus
