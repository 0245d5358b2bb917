/// The header of an idx file, the format of MNIST (LeCun, Cortes and Burges, 1998): bytes alone,
/// without torch.
#pragma once

#include <gradus/error.hpp>

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace gradus::data {

/// What the values are, by the third byte of the file.
enum class IdxType : std::uint8_t {
  u8 = 0x08,
  i8 = 0x09,
  i16 = 0x0b,
  i32 = 0x0c,
  f32 = 0x0d,
  f64 = 0x0e,
};

/// The bytes of a value; 0 for a type that there is not.
[[nodiscard]] constexpr std::size_t value_bytes(IdxType type) {
  switch (type) {
    case IdxType::u8:
    case IdxType::i8:
      return 1;
    case IdxType::i16:
      return 2;
    case IdxType::i32:
    case IdxType::f32:
      return 4;
    case IdxType::f64:
      return 8;
  }
  return 0;
}

/// Where the values lie and what they are; they are big-endian, the last dimension without gaps.
struct IdxHeader {
  IdxType type{};
  std::vector<std::int64_t> sizes;  ///< of 1 to 4 dimensions
  std::size_t bytes = 0;            ///< before the first value
};

/// The header of the whole file `bytes`; `what` names it in errors. Throws DataError unless the
/// file is a header and exactly the values that it announces.
[[nodiscard]] inline IdxHeader parse_idx(const std::string& what,
                                         std::span<const std::uint8_t> bytes) {
  const auto refuse = [&](const std::string& found, const std::string& expected,
                          const std::string& next_step = "fetch the file again") {
    throw DataError(what + " " + found + "; expected " + expected + ": " + next_step + ".");
  };
  const auto size = bytes.size();
  if (size >= 2 && bytes[0] == 0x1f && bytes[1] == 0x8b) {
    refuse("is compressed by gzip", "a plain idx file", "unpack it with gunzip");
  }
  if (size < 4) refuse("has " + std::to_string(size) + " bytes", "an idx header of 8 or more");
  if (bytes[0] != 0 || bytes[1] != 0) refuse("does not begin with two zero bytes", "an idx file");

  IdxHeader header{.type = static_cast<IdxType>(bytes[2]), .sizes = {}, .bytes = 4};
  const std::size_t dimensions = bytes[3];
  const std::uint64_t of_value = value_bytes(header.type);
  if (of_value == 0) {
    refuse("has values of type " + std::to_string(bytes[2]),
           "8 (uint8), 9 (int8), 11 (int16), 12 (int32), 13 (float32) or 14 (float64)");
  }
  if (dimensions < 1 || dimensions > 4) {
    refuse("has " + std::to_string(dimensions) + " dimensions", "1 to 4");
  }
  header.bytes += 4 * dimensions;
  if (size < header.bytes) {
    refuse("ends within its header, after " + std::to_string(size) + " bytes",
           "one of " + std::to_string(header.bytes));
  }
  const std::uint64_t there = size - header.bytes;
  std::uint64_t announced = of_value;
  for (std::size_t at = 4; at < header.bytes; at += 4) {
    const auto length = std::uint64_t{bytes[at]} << 24 | std::uint64_t{bytes[at + 1]} << 16 |
                        std::uint64_t{bytes[at + 2]} << 8 | std::uint64_t{bytes[at + 3]};
    header.sizes.push_back(static_cast<std::int64_t>(length));
    if (length == 0) refuse("has a dimension of size 0", "at least one value");
    if (announced > there / length) {  // what would follow only makes it more
      refuse("has " + std::to_string(there) + " bytes of values", "more, by its header");
    }
    announced *= length;
  }
  if (announced != there) {
    refuse("has " + std::to_string(there) + " bytes of values",
           std::to_string(announced) + ", by its header");
  }
  return header;
}

}  // namespace gradus::data
