/// CRC-32C: a checksum that notices every single wrong bit, and every run of wrong bits up to 32.
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

namespace gradus {

namespace detail {

static_assert(std::endian::native == std::endian::little, "eight bytes are taken as one number");

constexpr std::uint32_t crc32c_polynomial = 0x82f63b78;  // Castagnoli's, lowest bit first
constexpr std::size_t crc32c_stripe = 4096;              // bytes; a power of two

/// Entry [k][b]: byte b with k zero bytes behind it.
using Crc32cTables = std::array<std::array<std::uint32_t, 256>, 8>;

constexpr Crc32cTables crc32c_tables = [] {
  Crc32cTables tables{};
  for (std::uint32_t byte = 0; byte < 256; ++byte) {
    std::uint32_t rest = byte;
    for (int bit = 0; bit < 8; ++bit) {
      rest = (rest >> 1) ^ ((rest & 1) != 0 ? crc32c_polynomial : 0);
    }
    tables[0][byte] = rest;
  }
  for (std::size_t zeros = 1; zeros < tables.size(); ++zeros) {
    for (std::size_t byte = 0; byte < 256; ++byte) {
      const auto before = tables[zeros - 1][byte];
      tables[zeros][byte] = (before >> 8) ^ tables[0][before & 0xff];
    }
  }
  return tables;
}();

/// A linear map of 32 bits: the image of each.
using BitMatrix = std::array<std::uint32_t, 32>;

constexpr std::uint32_t times(const BitMatrix& matrix, std::uint32_t bits) {
  std::uint32_t product = 0;
  for (std::size_t i = 0; bits != 0; bits >>= 1, ++i) {
    if ((bits & 1) != 0) product ^= matrix[i];
  }
  return product;
}

/// Entry [k][b]: what byte k of a checksum, being b, becomes over a stripe of zero bytes.
constexpr std::array<std::array<std::uint32_t, 256>, 4> crc32c_over_stripe = [] {
  BitMatrix map{};  // over one zero bit
  map[0] = crc32c_polynomial;
  for (std::size_t i = 1; i < map.size(); ++i) map[i] = std::uint32_t{1} << (i - 1);
  for (std::size_t bits = 1; bits < crc32c_stripe * 8; bits *= 2) {
    BitMatrix twice{};
    for (std::size_t i = 0; i < map.size(); ++i) twice[i] = times(map, map[i]);
    map = twice;
  }
  std::array<std::array<std::uint32_t, 256>, 4> tables{};
  for (std::uint32_t k = 0; k < 4; ++k) {
    for (std::uint32_t byte = 0; byte < 256; ++byte) tables[k][byte] = times(map, byte << (8 * k));
  }
  return tables;
}();

inline std::uint32_t over_stripe(std::uint32_t crc) {
  const auto& tables = crc32c_over_stripe;
  return tables[0][crc & 0xff] ^ tables[1][(crc >> 8) & 0xff] ^ tables[2][(crc >> 16) & 0xff] ^
         tables[3][crc >> 24];
}

inline std::uint64_t eight_bytes(const char* at) {
  std::uint64_t value = 0;
  std::memcpy(&value, at, sizeof value);
  return value;
}

inline std::uint32_t crc32c_by_tables(std::uint32_t crc, std::string_view bytes) {
  const auto& tables = crc32c_tables;
  for (; bytes.size() >= 8; bytes.remove_prefix(8)) {
    const auto word = eight_bytes(bytes.data()) ^ crc;
    crc = 0;
    for (std::size_t i = 0; i < 8; ++i) crc ^= tables[7 - i][(word >> (8 * i)) & 0xff];
  }
  for (const char byte : bytes) {
    crc = (crc >> 8) ^ tables[0][(crc ^ static_cast<unsigned char>(byte)) & 0xff];
  }
  return crc;
}

#if defined(__x86_64__) && defined(__GNUC__)
/// By the processor's instruction, which gives a result three cycles after it began: so three
/// stripes at once.
[[gnu::target("sse4.2")]] inline std::uint32_t crc32c_by_instruction(std::uint32_t crc,
                                                                     std::string_view bytes) {
  std::uint64_t first = crc;
  for (; bytes.size() >= 3 * crc32c_stripe; bytes.remove_prefix(3 * crc32c_stripe)) {
    std::uint64_t second = 0;
    std::uint64_t third = 0;
    for (std::size_t i = 0; i < crc32c_stripe; i += 8) {
      const char* at = bytes.data() + i;
      // The next stripes: the processor's own look-ahead ends at each page.
      for (std::size_t k = 3; i % 64 == 0 && k < 6; ++k) __builtin_prefetch(at + k * crc32c_stripe);
      first = __builtin_ia32_crc32di(first, eight_bytes(at));
      second = __builtin_ia32_crc32di(second, eight_bytes(at + crc32c_stripe));
      third = __builtin_ia32_crc32di(third, eight_bytes(at + 2 * crc32c_stripe));
    }
    first = over_stripe(static_cast<std::uint32_t>(first)) ^ second;
    first = over_stripe(static_cast<std::uint32_t>(first)) ^ third;
  }
  for (; bytes.size() >= 8; bytes.remove_prefix(8)) {
    first = __builtin_ia32_crc32di(first, eight_bytes(bytes.data()));
  }
  return crc32c_by_tables(static_cast<std::uint32_t>(first), bytes);
}
#endif

}  // namespace detail

/// `crc32c` without the processor's instruction for it.
[[nodiscard]] inline std::uint32_t portable_crc32c(std::string_view bytes,
                                                   std::uint32_t before = 0) {
  return ~detail::crc32c_by_tables(~before, bytes);
}

/// Of `bytes` behind those whose checksum is `before`. Definition: RFC 3720, appendix B.4.
[[nodiscard]] inline std::uint32_t crc32c(std::string_view bytes, std::uint32_t before = 0) {
#if defined(__x86_64__) && defined(__GNUC__)
  static const bool instruction = __builtin_cpu_supports("sse4.2") != 0;
  if (instruction) return ~detail::crc32c_by_instruction(~before, bytes);
#endif
  return portable_crc32c(bytes, before);
}

/// Eight hexadecimal digits.
[[nodiscard]] inline std::string hexadecimal(std::uint32_t number) {
  std::string text(8, '0');
  for (std::size_t i = 8; i-- > 0; number >>= 4) text[i] = "0123456789abcdef"[number & 0xf];
  return text;
}

}  // namespace gradus
