/// PNG by libpng's simplified interface.
#pragma once

#include <gradus/data/image_pixels.hpp>
#include <gradus/error.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <png.h>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace gradus::data::detail {

/// The file without what it says about colours (gamma, chromaticities, profiles), by which libpng's
/// simplified interface would convert them. What is no whole chunk stays for libpng to refuse.
inline std::vector<std::uint8_t> without_colour_space(std::span<const std::uint8_t> bytes) {
  constexpr std::array<std::string_view, 5> of_colours{"gAMA", "cHRM", "iCCP", "sRGB", "cICP"};
  constexpr std::size_t signature = 8;
  constexpr std::size_t around = 12;  // length, type and checksum
  std::vector<std::uint8_t> kept(bytes.begin(), bytes.begin() + signature);
  auto rest = bytes.subspan(signature);
  while (rest.size() >= around) {
    std::size_t length = 0;
    for (std::size_t i = 0; i < 4; ++i) length = length << 8U | rest[i];
    if (length > rest.size() - around) break;
    const std::string type(rest.begin() + 4, rest.begin() + 8);
    if (type == "IDAT") break;
    const auto chunk = rest.first(length + around);
    if (std::ranges::find(of_colours, type) == of_colours.end()) {
      kept.insert(kept.end(), chunk.begin(), chunk.end());
    }
    rest = rest.subspan(chunk.size());
  }
  kept.insert(kept.end(), rest.begin(), rest.end());
  return kept;
}

/// Red, green and blue of a PNG of any kind, as they are stored: grey, palette and 16 bits become 8
/// bits; transparency is dropped. Throws DataError for a broken file.
inline ImagePixels decode_png(const std::string& what, std::span<const std::uint8_t> file) {
  const auto bytes = without_colour_space(file);
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
  // Where no colour space is given, libpng takes 16 bits for linear light; others do not.
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
