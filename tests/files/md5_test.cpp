#include "catch.hpp"
#include <gradus/files/md5.hpp>

#include <algorithm>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

using namespace gradus;

namespace {

std::string md5_of(std::string_view text) {
  return md5({reinterpret_cast<const std::uint8_t*>(text.data()), text.size()});
}

}  // namespace

CATCH_TEST_CASE("MD5 gives the digests of RFC 1321, appendix A.5") {
  CATCH_CHECK(md5_of("") == "d41d8cd98f00b204e9800998ecf8427e");
  CATCH_CHECK(md5_of("a") == "0cc175b9c0f1b6a831c399e269772661");
  CATCH_CHECK(md5_of("abc") == "900150983cd24fb0d6963f7d28e17f72");
  CATCH_CHECK(md5_of("message digest") == "f96b697d7cb7938d525a2f31aaf161d0");
  CATCH_CHECK(md5_of("abcdefghijklmnopqrstuvwxyz") == "c3fcd3d76192e4007dfb496cca67e13b");
  CATCH_CHECK(md5_of("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789") ==
              "d174ab98d277d9f5a5611c2c9f419d9f");
  CATCH_CHECK(
      md5_of("1234567890123456789012345678901234567890123456789012345678901234567890123456789"
             "0") == "57edf4a22be3c955ac49da2e2107b67a");
}

CATCH_TEST_CASE("MD5 does not depend on how the message is cut into pieces") {
  std::vector<std::uint8_t> message(300);
  for (std::size_t i = 0; i < message.size(); ++i) message[i] = static_cast<std::uint8_t>(i * 7);
  for (std::size_t length = 0; length <= message.size(); ++length) {
    const auto whole = std::span<const std::uint8_t>(message).first(length);
    for (const std::size_t piece : {1U, 55U, 63U, 64U, 65U}) {
      Md5 digest;
      for (std::size_t at = 0; at < length; at += piece) {
        digest.update(whole.subspan(at, std::min(piece, length - at)));
      }
      CATCH_REQUIRE(digest.finish() == md5(whole));
    }
  }
}
