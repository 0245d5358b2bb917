#include "catch.hpp"
#include <gradus/files/crc32c.hpp>

#include <string>

using namespace gradus;

namespace {

/// The definition, bit by bit.
std::uint32_t by_definition(std::string_view bytes) {
  std::uint32_t rest = 0xffffffff;
  for (const char byte : bytes) {
    rest ^= static_cast<unsigned char>(byte);
    for (int bit = 0; bit < 8; ++bit) rest = (rest >> 1) ^ ((rest & 1) != 0 ? 0x82f63b78 : 0);
  }
  return ~rest;
}

}  // namespace

CATCH_TEST_CASE("CRC-32C is that of RFC 3720") {
  CATCH_CHECK(crc32c("") == 0);
  CATCH_CHECK(crc32c("123456789") == 0xe3069283);
  CATCH_CHECK(crc32c(std::string(32, '\0')) == 0x8a9136aa);
  CATCH_CHECK(crc32c(std::string(32, '\xff')) == 0x62a8ab43);
  CATCH_CHECK(hexadecimal(0x0a9136ff) == "0a9136ff");
}

CATCH_TEST_CASE("CRC-32C by the instruction, by tables and by definition are one") {
  std::string bytes;
  for (std::uint32_t i = 0; i < 40'000; ++i) bytes += static_cast<char>(i * i * 2654435761U >> 24);
  for (const std::size_t size : {1U, 7U, 8U, 9U, 4096U, 12287U, 12288U, 12289U, 24576U, 40'000U}) {
    const auto part = std::string_view(bytes).substr(0, size);
    CATCH_CHECK(crc32c(part) == by_definition(part));
    CATCH_CHECK(portable_crc32c(part) == by_definition(part));
    CATCH_CHECK(crc32c(part.substr(size / 3), crc32c(part.substr(0, size / 3))) == crc32c(part));
  }
}
