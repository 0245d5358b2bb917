/// A file of records with checksums, as TensorFlow and TensorBoard read them (TFRecord).
#pragma once

#include <gradus/error.hpp>
#include <gradus/files/crc32c.hpp>
#include <gradus/files/write_file.hpp>

#include <bit>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <ios>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>

namespace gradus {

/// Appends records. One is handed to the system whole, at once. Behind a record that is damaged a
/// reader sees nothing, so what is behind the last whole one is cut off when the file is opened.
class RecordFile {
 public:
  /// Opens `path` for appending; missing folders are made. Throws ResourceError.
  explicit RecordFile(std::filesystem::path path) : path_(std::move(path)) {
    make_folder(path_.parent_path());
    std::error_code missing;
    const auto bytes = std::filesystem::file_size(path_, missing);
    const auto whole = whole_length(path_);
    if (!missing && bytes > whole) cut_file(path_, whole);
    errno = 0;
    stream_.open(path_, std::ios::app | std::ios::binary);
    if (!stream_) detail::refuse_write(path_, std::strerror(errno));
  }

  [[nodiscard]] const std::filesystem::path& path() const { return path_; }
  /// Whether it has no record now: others may have cut it.
  [[nodiscard]] bool is_empty() const {
    std::error_code missing;
    return std::filesystem::file_size(path_, missing) == 0;
  }

  /// Throws ResourceError.
  void append(std::string_view bytes) {
    const auto length = bytes_of(static_cast<std::uint64_t>(bytes.size()));
    std::string record = length + bytes_of(masked(length));
    record += bytes;
    record += bytes_of(masked(bytes));
    errno = 0;
    if (!(stream_ << record << std::flush)) detail::refuse_write(path_, std::strerror(errno));
  }

  /// Bytes of the records that are whole, from the first one on; 0 for a file that is not there.
  [[nodiscard]] static std::uintmax_t whole_length(const std::filesystem::path& path) {
    std::ifstream file(path, std::ios::binary);
    std::error_code missing;
    const auto bytes = std::filesystem::file_size(path, missing);
    std::uintmax_t whole = 0;
    while (file && !missing && bytes - whole >= head + tail) {
      std::string start(head, '\0');
      file.read(start.data(), head);
      const auto length = number_in<std::uint64_t>(start);
      if (number_in<std::uint32_t>(std::string_view(start).substr(8)) !=
              masked(std::string_view(start).substr(0, 8)) ||
          length > bytes - whole - head - tail) {
        break;
      }
      std::string rest(length + tail, '\0');
      file.read(rest.data(), static_cast<std::streamsize>(rest.size()));
      const auto values = std::string_view(rest).substr(0, length);
      if (number_in<std::uint32_t>(std::string_view(rest).substr(length)) != masked(values)) break;
      whole += head + length + tail;
    }
    return whole;
  }

 private:
  static constexpr std::uint64_t head = 12, tail = 4;  ///< bytes around a record

  /// As the format stores checksums, lest a checksum of checksums be 0.
  static std::uint32_t masked(std::string_view bytes) {
    return std::rotr(crc32c(bytes), 15) + 0xa282ead8U;
  }
  template <class Number>
  static std::string bytes_of(Number number) {
    return {reinterpret_cast<const char*>(&number), sizeof(number)};
  }
  template <class Number>
  static Number number_in(std::string_view bytes) {
    Number number{};
    std::memcpy(&number, bytes.data(), sizeof(number));
    return number;
  }

  std::filesystem::path path_;
  std::ofstream stream_;
};

}  // namespace gradus
