/// MD5 of bytes, to recognise published files and to name data; it does not protect against
/// forgery.
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>

namespace gradus {

/// MD5 as RFC 1321 defines it: give the bytes piece by piece, then take the digest once.
/// Cost: about 2 ns a byte on one core.
class Md5 {
 public:
  /// Adds bytes to the message.
  void update(std::span<const std::uint8_t> bytes) {
    length_ += bytes.size();
    while (!bytes.empty()) {
      if (filled_ == 0 && bytes.size() >= block_.size()) {
        digest_block(bytes.data());
        bytes = bytes.subspan(block_.size());
        continue;
      }
      const auto taken = std::min(block_.size() - filled_, bytes.size());
      std::memcpy(block_.data() + filled_, bytes.data(), taken);
      bytes = bytes.subspan(taken);
      filled_ += taken;
      if (filled_ == block_.size()) {
        digest_block(block_.data());
        filled_ = 0;
      }
    }
  }

  /// Ends the message and returns its digest as 32 lower-case hexadecimal digits.
  [[nodiscard]] std::string finish() {
    constexpr std::array<std::uint8_t, 64> padding{0x80};
    std::array<std::uint8_t, 8> length{};
    for (std::size_t i = 0; i < length.size(); ++i) {
      length[i] = static_cast<std::uint8_t>((length_ * 8) >> (8 * i));
    }
    update(std::span(padding).first(filled_ < 56 ? 56 - filled_ : 120 - filled_));
    update(length);

    constexpr const char* digits = "0123456789abcdef";
    std::string text;
    for (const auto word : state_) {
      for (unsigned shift = 0; shift < 32; shift += 8) {
        text += digits[(word >> (shift + 4)) & 15U];
        text += digits[(word >> shift) & 15U];
      }
    }
    return text;
  }

 private:
  void digest_block(const std::uint8_t* bytes) {
    // Entry i of `sines` is floor(2^32 * abs(sin(i + 1))), RFC 1321 section 3.4.
    static constexpr std::array<std::uint32_t, 64> sines{
        0xd76aa478, 0xe8c7b756, 0x242070db, 0xc1bdceee, 0xf57c0faf, 0x4787c62a, 0xa8304613,
        0xfd469501, 0x698098d8, 0x8b44f7af, 0xffff5bb1, 0x895cd7be, 0x6b901122, 0xfd987193,
        0xa679438e, 0x49b40821, 0xf61e2562, 0xc040b340, 0x265e5a51, 0xe9b6c7aa, 0xd62f105d,
        0x02441453, 0xd8a1e681, 0xe7d3fbc8, 0x21e1cde6, 0xc33707d6, 0xf4d50d87, 0x455a14ed,
        0xa9e3e905, 0xfcefa3f8, 0x676f02d9, 0x8d2a4c8a, 0xfffa3942, 0x8771f681, 0x6d9d6122,
        0xfde5380c, 0xa4beea44, 0x4bdecfa9, 0xf6bb4b60, 0xbebfbc70, 0x289b7ec6, 0xeaa127fa,
        0xd4ef3085, 0x04881d05, 0xd9d4d039, 0xe6db99e5, 0x1fa27cf8, 0xc4ac5665, 0xf4292244,
        0x432aff97, 0xab9423a7, 0xfc93a039, 0x655b59c3, 0x8f0ccc92, 0xffeff47d, 0x85845dd1,
        0x6fa87e4f, 0xfe2ce6e0, 0xa3014314, 0x4e0811a1, 0xf7537e82, 0xbd3af235, 0x2ad7d2bb,
        0xeb86d391};
    static constexpr std::array<std::array<int, 4>, 4> rotations{
        {{7, 12, 17, 22}, {5, 9, 14, 20}, {4, 11, 16, 23}, {6, 10, 15, 21}}};

    std::array<std::uint32_t, 16> words{};
    for (std::size_t i = 0; i < 64; ++i) {
      words[i / 4] |= static_cast<std::uint32_t>(bytes[i]) << (8 * (i % 4));
    }
    auto [a, b, c, d] = state_;
    for (std::size_t i = 0; i < 64; ++i) {
      std::uint32_t mixed = 0;
      std::size_t word = 0;
      switch (i / 16) {
        case 0:
          mixed = (b & c) | (~b & d), word = i;
          break;
        case 1:
          mixed = (d & b) | (~d & c), word = (5 * i + 1) % 16;
          break;
        case 2:
          mixed = b ^ c ^ d, word = (3 * i + 5) % 16;
          break;
        default:
          mixed = c ^ (b | ~d), word = (7 * i) % 16;
          break;
      }
      const auto sum = a + mixed + sines[i] + words[word];
      a = d, d = c, c = b;
      b += std::rotl(sum, rotations[i / 16][i % 4]);
    }
    state_[0] += a, state_[1] += b, state_[2] += c, state_[3] += d;
  }

  std::array<std::uint32_t, 4> state_{0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476};
  std::array<std::uint8_t, 64> block_{};
  std::size_t filled_ = 0;    // bytes in block_
  std::uint64_t length_ = 0;  // bytes of the message
};

/// MD5 of `bytes` as 32 lower-case hexadecimal digits.
[[nodiscard]] inline std::string md5(std::span<const std::uint8_t> bytes) {
  Md5 digest;
  digest.update(bytes);
  return digest.finish();
}

}  // namespace gradus
