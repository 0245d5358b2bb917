/// Images from PNG and JPEG files; needs libpng and libjpeg (target gradus::images), no torch.
#pragma once

#include <gradus/data/detail/jpeg_image.hpp>
#include <gradus/data/detail/png_image.hpp>
#include <gradus/data/image_pixels.hpp>
#include <gradus/error.hpp>
#include <gradus/files/read_file.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>

namespace gradus::data {

/// The image that a whole PNG or JPEG file holds, told apart by its first bytes; `what` names it in
/// errors. Colour by 3 `channels`: red, green, blue; by 1: grey, (299 R + 587 G + 114 B) / 1000, as
/// Pillow. Transparency is dropped; a JPEG's orientation mark and a PNG's gamma and colour profile
/// are ignored, as torchvision does.
/// Throws DataError for another or a broken file.
[[nodiscard]] inline ImagePixels decode_image(const std::string& what,
                                              std::span<const std::uint8_t> bytes,
                                              std::int64_t channels = 3) {
  constexpr std::array<std::uint8_t, 8> png{0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n'};
  constexpr std::array<std::uint8_t, 3> jpeg{0xff, 0xd8, 0xff};
  const auto begins_with = [&](std::span<const std::uint8_t> magic) {
    return bytes.size() >= magic.size() && std::ranges::equal(bytes.first(magic.size()), magic);
  };
  if (channels != 1 && channels != 3) {
    throw DataError(what + " was to be read with " + std::to_string(channels) +
                    " channels; expected 1 (grey) or 3 (red, green, blue).");
  }
  if (!begins_with(png) && !begins_with(jpeg)) {
    throw DataError(what + " is neither PNG nor JPEG by its first bytes; expected one of them: " +
                    (bytes.empty() ? "the file is empty." : "convert it, or take it out."));
  }
  auto pixels =
      begins_with(png) ? detail::decode_png(what, bytes) : detail::decode_jpeg(what, bytes);
  if (channels == 1) {
    const auto count = static_cast<std::size_t>(pixels.height * pixels.width);
    for (std::size_t i = 0; i < count; ++i) {
      const auto* from = &pixels.bytes[3 * i];
      const auto grey = 19595U * from[0] + 38470U * from[1] + 7471U * from[2] + 32768U;
      pixels.bytes[i] = static_cast<std::uint8_t>(grey >> 16U);
    }
    pixels.bytes.resize(count);
    pixels.channels = 1;
  }
  return pixels;
}

/// `decode_image` of a file. Throws DataError for one that is not there or cannot be read, too.
[[nodiscard]] inline ImagePixels read_image(const std::filesystem::path& path,
                                            std::int64_t channels = 3) {
  const auto bytes = read_file<DataError>(path, "a PNG or JPEG file", [](std::uintmax_t) {});
  return decode_image(path.string(), bytes, channels);
}

}  // namespace gradus::data
