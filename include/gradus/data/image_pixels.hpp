/// One image as bytes, however it was stored. No torch here.
#pragma once

#include <gradus/error.hpp>

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace gradus::data {

/// The most pixels that an image may have: a small broken file can claim more than memory holds.
inline constexpr std::int64_t most_image_pixels = std::int64_t{1} << 28;

/// Bytes [height, width, channels] without gaps: red, green, blue or grey.
struct ImagePixels {
  std::int64_t height = 0;
  std::int64_t width = 0;
  std::int64_t channels = 0;
  std::vector<std::uint8_t> bytes;
};

/// Black pixels. `what` names the file in errors. Throws DataError for no pixels or too many.
[[nodiscard]] inline ImagePixels image_of_size(const std::string& what, std::int64_t height,
                                               std::int64_t width, std::int64_t channels) {
  if (height < 1 || width < 1 || height > most_image_pixels / width) {
    throw DataError(what + " is an image of " + std::to_string(width) + " x " +
                    std::to_string(height) + " pixels; expected 1 to " +
                    std::to_string(most_image_pixels) + " in all: take it out, or scale it down.");
  }
  return {.height = height,
          .width = width,
          .channels = channels,
          .bytes = std::vector<std::uint8_t>(static_cast<std::size_t>(height * width * channels))};
}

}  // namespace gradus::data
