/// The wire format of protocol buffers, as far as it is written here.
#pragma once

#include <bit>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace gradus {

/// One message, of fields that are told by their numbers. LibTorch carries a protobuf, but without
/// ONNX's messages, and in each version another one. Source: protobuf.dev, "Encoding".
class ProtobufMessage {
 public:
  [[nodiscard]] const std::string& bytes() const { return bytes_; }

  void integer(std::uint32_t field, std::int64_t value) {
    key(field, 0);
    varint(static_cast<std::uint64_t>(value));
  }
  void number(std::uint32_t field, float value) {
    key(field, 5);
    append(value);
  }
  void number(std::uint32_t field, double value) {
    key(field, 1);
    append(value);
  }
  void numbers(std::uint32_t field, const std::vector<double>& values) {
    key(field, 2);
    varint(values.size() * sizeof(double));
    for (const double value : values) append(value);
  }
  void text(std::uint32_t field, std::string_view value) {
    key(field, 2);
    varint(value.size());
    bytes_ += value;
  }
  void message(std::uint32_t field, const ProtobufMessage& value) { text(field, value.bytes()); }

 private:
  static_assert(std::endian::native == std::endian::little, "numbers are written as they lie");
  template <class Number>
  void append(Number value) {
    bytes_.append(reinterpret_cast<const char*>(&value), sizeof(value));
  }
  void key(std::uint32_t field, std::uint32_t type) { varint(field << 3 | type); }
  void varint(std::uint64_t value) {
    for (; value >= 128; value >>= 7) bytes_.push_back(static_cast<char>(value | 128));
    bytes_.push_back(static_cast<char>(value));
  }

  std::string bytes_;
};

}  // namespace gradus
