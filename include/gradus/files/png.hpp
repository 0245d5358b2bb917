/// PNG files of pixels, to be looked at: without libpng, and not compressed.
#pragma once

#include <gradus/error.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace gradus {

namespace detail {

constexpr std::array<std::uint32_t, 256> png_crc_table = [] {
  std::array<std::uint32_t, 256> table{};
  for (std::uint32_t byte = 0; byte < 256; ++byte) {
    std::uint32_t rest = byte;
    for (int bit = 0; bit < 8; ++bit) rest = (rest >> 1) ^ ((rest & 1) != 0 ? 0xedb88320U : 0);
    table[byte] = rest;
  }
  return table;
}();

inline std::uint32_t png_crc(std::string_view bytes) {
  std::uint32_t crc = ~0U;
  for (const char byte : bytes) {
    crc = (crc >> 8) ^ png_crc_table[(crc ^ static_cast<unsigned char>(byte)) & 0xff];
  }
  return ~crc;
}

inline std::uint32_t adler32(std::string_view bytes) {
  std::uint32_t low = 1, high = 0;
  for (const char byte : bytes) {
    low = (low + static_cast<unsigned char>(byte)) % 65521;
    high = (high + low) % 65521;
  }
  return high << 16 | low;
}

/// The highest byte first.
inline std::string big_endian(std::uint32_t number) {
  return {static_cast<char>(number >> 24), static_cast<char>(number >> 16),
          static_cast<char>(number >> 8), static_cast<char>(number)};
}

inline std::string png_chunk(const std::string& type, std::string_view content) {
  const auto body = type + std::string(content);
  return big_endian(static_cast<std::uint32_t>(content.size())) + body + big_endian(png_crc(body));
}

/// A zlib stream of blocks that are stored as they are.
inline std::string stored_zlib(std::string_view bytes) {
  constexpr std::size_t most = 65535;  // of a block
  std::string stream("\x78\x01");
  for (std::size_t at = 0; at == 0 || at < bytes.size(); at += most) {
    const auto block = bytes.substr(at, most);
    const auto length = static_cast<std::uint16_t>(block.size());
    const auto inverse = static_cast<std::uint16_t>(~length);
    stream += at + most >= bytes.size() ? '\x01' : '\x00';
    for (const auto number : {length, inverse}) {
      stream += static_cast<char>(number & 0xff);
      stream += static_cast<char>(number >> 8);
    }
    stream += block;
  }
  return stream + big_endian(adler32(bytes));
}

}  // namespace detail

/// The bytes of a PNG file of `pixels` [height, width, channels]: grey by 1 channel, red, green and
/// blue by 3. Throws DataError for other channels, an empty image, or another number of
/// pixels. Source: RFC 2083, RFC 1950 and RFC 1951, 3.2.4.
[[nodiscard]] inline std::string png_bytes(std::span<const std::uint8_t> pixels,
                                           std::int64_t height, std::int64_t width,
                                           std::int64_t channels) {
  if ((channels != 1 && channels != 3) || height < 1 || width < 1 ||
      static_cast<std::int64_t>(pixels.size()) != height * width * channels) {
    throw DataError("an image for PNG has " + std::to_string(pixels.size()) + " bytes for " +
                    std::to_string(height) + " x " + std::to_string(width) + " pixels of " +
                    std::to_string(channels) +
                    " channels; give 1 channel or 3, and a byte of each pixel's.");
  }
  const auto row = static_cast<std::size_t>(width * channels);
  std::string rows;
  rows.reserve(pixels.size() + static_cast<std::size_t>(height));
  for (std::size_t at = 0; at < pixels.size(); at += row) {
    rows += '\0';  // the filter: none
    rows.append(reinterpret_cast<const char*>(pixels.data()) + at, row);
  }
  const auto side = [](std::int64_t pixels_of) {
    return detail::big_endian(static_cast<std::uint32_t>(pixels_of));
  };
  const std::string form{8, static_cast<char>(channels == 3 ? 2 : 0), 0, 0, 0};
  return std::string("\x89PNG\r\n\x1a\n") +
         detail::png_chunk("IHDR", side(width) + side(height) + form) +
         detail::png_chunk("IDAT", detail::stored_zlib(rows)) + detail::png_chunk("IEND", "");
}

}  // namespace gradus
