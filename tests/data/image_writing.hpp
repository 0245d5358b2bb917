/// PNG and JPEG files for tests, written by the libraries that read them.
#pragma once

#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <jpeglib.h>
#include <memory>
#include <png.h>
#include <stdexcept>
#include <vector>

namespace gradus::data::test {

using Rows = std::vector<std::uint8_t>;

struct Closed {
  void operator()(std::FILE* file) const { static_cast<void>(std::fclose(file)); }
};

inline std::unique_ptr<std::FILE, Closed> opened(const std::filesystem::path& path) {
  std::unique_ptr<std::FILE, Closed> file(std::fopen(path.c_str(), "wb"));
  if (!file) throw std::runtime_error("cannot write " + path.string());
  return file;
}

/// `rows` as the file stores them: 16 bits big-endian, fewer than 8 packed. A palette of its
/// numbers has three colours, of full, half and no opacity. The file names a `gamma` above 0.
inline void write_png(const std::filesystem::path& path, int kind, int bits, unsigned height,
                      unsigned width, const Rows& rows, double gamma = 0) {
  const auto file = opened(path);
  auto* png = png_create_write_struct(PNG_LIBPNG_VER_STRING, nullptr, nullptr, nullptr);
  auto* info = png_create_info_struct(png);
  png_init_io(png, file.get());
  png_set_IHDR(png, info, width, height, bits, kind, PNG_INTERLACE_NONE,
               PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
  if (kind == PNG_COLOR_TYPE_PALETTE) {
    const png_color colours[3] = {{250, 1, 2}, {3, 240, 4}, {5, 6, 230}};
    const png_byte opacity[3] = {255, 128, 0};
    png_set_PLTE(png, info, colours, 3);
    png_set_tRNS(png, info, opacity, 3, nullptr);
  }
  if (gamma > 0) png_set_gAMA(png, info, gamma);
  png_write_info(png, info);
  for (unsigned y = 0; y < height; ++y) {
    png_write_row(png, rows.data() + rows.size() / height * y);
  }
  png_write_end(png, info);
  png_destroy_write_struct(&png, &info);
}

/// `channels`: 1 grey, 3 red, green, blue, 4 CMYK; with `adobe` the marker of its programs.
inline void write_jpeg(const std::filesystem::path& path, int channels, unsigned height,
                       unsigned width, const Rows& rows, bool adobe = true) {
  const auto file = opened(path);
  jpeg_error_mgr errors{};
  jpeg_compress_struct info{};
  info.err = jpeg_std_error(&errors);
  jpeg_create_compress(&info);
  jpeg_stdio_dest(&info, file.get());
  info.image_width = width;
  info.image_height = height;
  info.input_components = channels;
  info.in_color_space = channels == 1 ? JCS_GRAYSCALE : channels == 3 ? JCS_RGB : JCS_CMYK;
  jpeg_set_defaults(&info);
  jpeg_set_quality(&info, 100, TRUE);
  if (channels == 4) info.write_Adobe_marker = adobe ? TRUE : FALSE;
  jpeg_start_compress(&info, TRUE);
  while (info.next_scanline < height) {
    auto* row = const_cast<std::uint8_t*>(rows.data()) + rows.size() / height * info.next_scanline;
    jpeg_write_scanlines(&info, &row, 1);
  }
  jpeg_finish_compress(&info);
  jpeg_destroy_compress(&info);
}

}  // namespace gradus::data::test
