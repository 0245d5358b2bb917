/// The wire format of protocol buffers, as far as it is written here.
#pragma once

#include <bit>
#include <cstdint>
#include <string>
#include <string_view>

namespace gradus::detail {

/// One message. LibTorch carries a protobuf, but without ONNX's messages, and in each version
/// another one. Source: protobuf.dev, "Encoding".
class ProtobufMessage {
 public:
  [[nodiscard]] const std::string& bytes() const { return bytes_; }

  void integer(std::uint32_t field, std::int64_t value) {
    key(field, 0);
    varint(static_cast<std::uint64_t>(value));
  }
  void number(std::uint32_t field, float value) {
    key(field, 5);
    const auto bits = std::bit_cast<std::uint32_t>(value);
    for (int byte = 0; byte < 4; ++byte) bytes_.push_back(static_cast<char>(bits >> (8 * byte)));
  }
  void text(std::uint32_t field, std::string_view value) {
    key(field, 2);
    varint(value.size());
    bytes_ += value;
  }
  void message(std::uint32_t field, const ProtobufMessage& value) { text(field, value.bytes()); }

 private:
  void key(std::uint32_t field, std::uint32_t type) { varint(field << 3 | type); }
  void varint(std::uint64_t value) {
    for (; value >= 128; value >>= 7) bytes_.push_back(static_cast<char>(value | 128));
    bytes_.push_back(static_cast<char>(value));
  }

  std::string bytes_;
};

}  // namespace gradus::detail
