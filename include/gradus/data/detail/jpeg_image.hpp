/// JPEG by libjpeg, or libjpeg-turbo, which has its interface.
#pragma once

#include <gradus/data/image_pixels.hpp>
#include <gradus/error.hpp>

#include <array>
#include <csetjmp>
#include <cstddef>
#include <cstdint>
#include <cstdio>  // jpeglib.h needs it
#include <jerror.h>
#include <jpeglib.h>
#include <span>
#include <string>

namespace gradus::data::detail {

/// libjpeg leaves a function that failed by longjmp, which passes over destructors: so every call
/// of it is in a member function that has none to run.
class JpegReader {
 public:
  JpegReader() {
    info_.err = jpeg_std_error(&errors_);
    errors_.error_exit = [](j_common_ptr info) { leave(info); };
    // Warnings: an end before the last row, codes that there are not. What libjpeg puts in their
    // place is no image. Bytes too many between segments are harmless.
    errors_.emit_message = [](j_common_ptr info, int level) {
      if (level < 0 && info->err->msg_code != JWRN_EXTRANEOUS_DATA) leave(info);
    };
    errors_.output_message = [](j_common_ptr) {};
  }
  JpegReader(const JpegReader&) = delete;
  JpegReader& operator=(const JpegReader&) = delete;
  ~JpegReader() { jpeg_destroy_decompress(&info_); }

  /// Whether that worked; else `message` says why not.
  [[nodiscard]] bool read_header(std::span<const std::uint8_t> bytes) {
    if (setjmp(errors_.back) != 0) return false;
    jpeg_create_decompress(&info_);
    jpeg_mem_src(&info_, bytes.data(), static_cast<unsigned long>(bytes.size()));
    jpeg_read_header(&info_, TRUE);
    const auto stored = info_.jpeg_color_space;
    info_.out_color_space = stored == JCS_CMYK || stored == JCS_YCCK ? JCS_CMYK : JCS_RGB;
    return true;
  }

  /// All rows, [height, width, channels].
  [[nodiscard]] bool read_rows(std::uint8_t* to) {
    if (setjmp(errors_.back) != 0) return false;
    jpeg_start_decompress(&info_);
    while (info_.output_scanline < info_.output_height) {
      JSAMPROW row = to + std::size_t{info_.output_scanline} * info_.output_width *
                              static_cast<std::size_t>(info_.output_components);
      jpeg_read_scanlines(&info_, &row, 1);
    }
    jpeg_finish_decompress(&info_);
    return true;
  }

  [[nodiscard]] std::int64_t height() const { return info_.image_height; }
  [[nodiscard]] std::int64_t width() const { return info_.image_width; }
  [[nodiscard]] bool is_cmyk() const { return info_.out_color_space == JCS_CMYK; }
  /// Adobe's programs store what is left of the paper, not the ink.
  [[nodiscard]] bool is_inverted() const { return info_.saw_Adobe_marker != FALSE; }
  [[nodiscard]] std::string message() const { return errors_.message.data(); }

 private:
  struct Errors : jpeg_error_mgr {
    std::jmp_buf back{};
    std::array<char, JMSG_LENGTH_MAX> message{};
  };

  [[noreturn]] static void leave(j_common_ptr info) {
    auto& errors = *static_cast<Errors*>(info->err);
    errors.format_message(info, errors.message.data());
    std::longjmp(errors.back, 1);
  }

  Errors errors_{};
  jpeg_decompress_struct info_{};
};

/// Cyan, magenta, yellow and black to red, green and blue, in place.
inline void to_rgb(ImagePixels& pixels, bool inverted) {
  const auto count = static_cast<std::size_t>(pixels.height * pixels.width);
  auto& bytes = pixels.bytes;
  for (std::size_t i = 0; i < count; ++i) {
    const auto paper = [&](std::size_t c) {
      return inverted ? bytes[4 * i + c] : 255 - bytes[4 * i + c];
    };
    const auto black = paper(3);
    for (std::size_t c = 0; c < 3; ++c) {
      bytes[3 * i + c] = static_cast<std::uint8_t>((paper(c) * black + 127) / 255);
    }
  }
  bytes.resize(3 * count);
  pixels.channels = 3;
}

/// Red, green and blue of a JPEG, grey and CMYK ones too. Throws DataError for a broken file, and
/// for one that ends too early.
inline ImagePixels decode_jpeg(const std::string& what, std::span<const std::uint8_t> bytes) {
  JpegReader reader;
  const auto refuse = [&] {
    throw DataError(what + " is a broken JPEG file (" + reader.message() +
                    "); expected a whole one: fetch it again, or take it out.");
  };
  if (!reader.read_header(bytes)) refuse();
  auto pixels = image_of_size(what, reader.height(), reader.width(), reader.is_cmyk() ? 4 : 3);
  if (!reader.read_rows(pixels.bytes.data())) refuse();
  if (reader.is_cmyk()) to_rgb(pixels, reader.is_inverted());
  return pixels;
}

}  // namespace gradus::data::detail
