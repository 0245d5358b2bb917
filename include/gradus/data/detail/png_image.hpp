/// PNG by libpng's simplified interface.
#pragma once

#include <gradus/data/image_pixels.hpp>
#include <gradus/error.hpp>

#include <cstddef>
#include <cstdint>
#include <png.h>
#include <span>
#include <string>

namespace gradus::data::detail {

/// Red, green and blue of a PNG of any kind: grey, palette and 16 bits become 8 bits of sRGB;
/// transparency is dropped. Throws DataError for a broken file.
inline ImagePixels decode_png(const std::string& what, std::span<const std::uint8_t> bytes) {
  png_image image{};
  image.version = PNG_IMAGE_VERSION;
  struct Freed {
    png_image& image;
    ~Freed() { png_image_free(&image); }
  } const freed{image};
  const auto refuse = [&] {
    throw DataError(what + " is a broken PNG file (" + image.message +
                    "); expected a whole one: fetch it again, or take it out.");
  };
  if (png_image_begin_read_from_memory(&image, bytes.data(), bytes.size()) == 0) refuse();
  // Without a chunk that says so, libpng takes 16 bits for linear light; others do not.
  image.flags |= PNG_IMAGE_FLAG_16BIT_sRGB;
  const bool transparent = (image.format & PNG_FORMAT_FLAG_ALPHA) != 0;
  image.format = transparent ? PNG_FORMAT_RGBA : PNG_FORMAT_RGB;
  auto pixels = image_of_size(what, image.height, image.width, transparent ? 4 : 3);
  if (png_image_finish_read(&image, nullptr, pixels.bytes.data(), 0, nullptr) == 0) refuse();
  if (transparent) {
    const auto count = static_cast<std::size_t>(pixels.height * pixels.width);
    for (std::size_t i = 0; i < count; ++i) {
      for (std::size_t c = 0; c < 3; ++c) pixels.bytes[3 * i + c] = pixels.bytes[4 * i + c];
    }
    pixels.bytes.resize(3 * count);
    pixels.channels = 3;
  }
  return pixels;
}

}  // namespace gradus::data::detail
