/// The header of a safetensors file, read from bytes alone: strict, and without torch.
#pragma once

#include <gradus/error.hpp>

#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>
#include <limits>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace gradus {

/// Where a tensor lies in a file.
struct TensorPlace {
  std::string name;
  std::string type;                  ///< as the format calls it: "F32"
  std::vector<std::uint64_t> shape;  ///< sides
  std::uint64_t begin = 0;           ///< bytes, from the first value of the file
  std::uint64_t end = 0;
};

/// What a safetensors file says before its values: metadata, and the name, type, shape and place of
/// each tensor.
struct SafetensorsHeader {
  std::map<std::string, std::string> metadata;
  std::vector<TensorPlace> tensors;  ///< in the order in which they lie
  std::uint64_t size = 0;            ///< bytes before the first value
};

/// Types of the format (safetensors 0.8), with the bits of one value.
inline constexpr std::array<std::pair<std::string_view, std::uint64_t>, 22> safetensors_bits{
    {{"F64", 64},    {"F32", 32},    {"F16", 16},        {"BF16", 16},       {"I64", 64},
     {"I32", 32},    {"I16", 16},    {"I8", 8},          {"U64", 64},        {"U32", 32},
     {"U16", 16},    {"U8", 8},      {"BOOL", 8},        {"C64", 64},        {"F8_E4M3", 8},
     {"F8_E5M2", 8}, {"F8_E8M0", 8}, {"F8_E4M3FNUZ", 8}, {"F8_E5M2FNUZ", 8}, {"F6_E2M3", 6},
     {"F6_E3M2", 6}, {"F4", 4}}};

namespace detail {

constexpr std::uint64_t longest_safetensors_header = 100'000'000;  // bytes, the format's own limit

/// Takes the header's JSON apart as it is read: no tree is built, nothing recurses. Of a tensor,
/// members that the format does not name are skipped, as its other readers do.
class SafetensorsHeaderReader {
 public:
  using json = nlohmann::json;

  explicit SafetensorsHeaderReader(SafetensorsHeader& header) : header_(&header) {}

  bool null() { return refuse_value(); }
  bool boolean(bool) { return refuse_value(); }
  bool number_integer(json::number_integer_t) { return refuse_value(); }
  bool number_float(json::number_float_t, const std::string&) { return refuse_value(); }
  bool binary(json::binary_t&) { return refuse_value(); }
  bool number_unsigned(json::number_unsigned_t number) {
    if (skips()) return true;
    if (list_ == nullptr) return refuse_value();
    list_->push_back(number);
    return true;
  }
  bool string(std::string& text) {
    if (skips()) return true;
    if (place_ == Place::metadata) {
      header_->metadata[key_] = text;
    } else if (place_ == Place::entry && key_ == "dtype") {
      entry().type = text;
    } else {
      return refuse_value();
    }
    return true;
  }
  bool start_object(std::size_t) {
    if (skips()) return ++skipped_depth_ > 0;
    if (place_ == Place::outside) {
      place_ = Place::names;
    } else if (place_ == Place::names) {
      place_ = name_ == "__metadata__" ? Place::metadata : Place::entry;
      if (place_ == Place::entry)
        header_->tensors.push_back({.name = name_, .type = {}, .shape = {}});
      keys_.clear();
      offsets_.clear();
    } else {
      return refuse_value();
    }
    return true;
  }
  bool key(std::string& key) {
    if (skipped_depth_ > 0) return true;
    if (place_ == Place::names) {
      name_ = key;
      if (!names_.insert(key).second) refuse("it names '" + key + "' twice");
    } else {
      key_ = key;
      unknown_ =
          place_ == Place::entry && key != "dtype" && key != "shape" && key != "data_offsets";
      if (!keys_.insert(key).second) refuse("'" + name_ + "' has '" + key + "' twice");
    }
    return true;
  }
  bool end_object() {
    if (skipped_depth_ > 0) return --skipped_depth_ >= 0;
    if (place_ == Place::entry) end_entry();
    unknown_ = false;
    place_ = place_ == Place::names ? Place::outside : Place::names;
    return true;
  }
  bool start_array(std::size_t) {
    if (skips()) return ++skipped_depth_ > 0;
    if (place_ != Place::entry || list_ != nullptr) return refuse_value();
    if (key_ == "shape") {
      list_ = &entry().shape;
    } else if (key_ == "data_offsets") {
      list_ = &offsets_;
    } else {
      return refuse_value();
    }
    return true;
  }
  bool end_array() {
    if (skipped_depth_ > 0) return --skipped_depth_ >= 0;
    list_ = nullptr;
    return true;
  }
  bool parse_error(std::size_t, const std::string&, const json::exception&) {
    refuse("its header is not JSON");
  }

  [[noreturn]] static void refuse(const std::string& what) {
    throw DamagedCheckpoint("is not a whole safetensors file: " + what +
                            "; use another checkpoint.");
  }

 private:
  enum class Place { outside, names, metadata, entry };

  TensorPlace& entry() { return header_->tensors.back(); }

  /// Whether a value is, or lies within, a member that the format does not name.
  [[nodiscard]] bool skips() const { return unknown_ || skipped_depth_ > 0; }

  bool refuse_value() {
    if (skips()) return true;
    refuse(place_ == Place::outside ? std::string("its header is not a JSON object")
                                    : "the entry '" + name_ + "' of its header has the wrong form");
  }

  void end_entry() {
    if (!keys_.contains("dtype") || !keys_.contains("shape") || offsets_.size() != 2) {
      refuse("tensor '" + name_ + "' must have dtype, shape and two data_offsets");
    }
    entry().begin = offsets_[0];
    entry().end = offsets_[1];
  }

  SafetensorsHeader* header_;
  Place place_ = Place::outside;
  std::string name_;                            ///< of the entry
  std::string key_;                             ///< in the entry
  std::set<std::string> names_;                 ///< so far
  std::set<std::string> keys_;                  ///< of the entry, so far
  std::vector<std::uint64_t> offsets_;          ///< of the entry
  std::vector<std::uint64_t>* list_ = nullptr;  ///< that is open
  bool unknown_ = false;                        ///< whether the format names no such key
  std::int64_t skipped_depth_ = 0;              ///< objects and lists within a skipped member
};

/// Of a file that has checksums it is damage: gradus writes no such type.
[[noreturn]] inline void refuse_type(const SafetensorsHeader& header, const TensorPlace& tensor) {
  const auto what =
      "tensor '" + tensor.name + "' has the type '" + tensor.type + "', which is not ";
  if (header.metadata.contains("header_crc32c")) SafetensorsHeaderReader::refuse(what + "known");
  throw CheckpointError("cannot be read: " + what +
                        "supported; convert that tensor, or leave it out.");
}

/// The tensors must fill `values` bytes without holes or overlaps.
inline void check_places(const SafetensorsHeader& header, std::uint64_t values) {
  const auto refuse = SafetensorsHeaderReader::refuse;
  std::uint64_t next = 0;
  for (const auto& tensor : header.tensors) {
    const auto* type = std::ranges::find(safetensors_bits, tensor.type,
                                         &std::pair<std::string_view, std::uint64_t>::first);
    if (type == safetensors_bits.end()) refuse_type(header, tensor);
    constexpr std::uint64_t byte = 8;
    std::uint64_t bits = type->second;
    const bool empty = std::ranges::find(tensor.shape, 0) != tensor.shape.end();
    // Of an empty one too: LibTorch multiplies the other sides for its strides.
    const std::uint64_t most = empty ? std::numeric_limits<std::int64_t>::max() : values * byte;
    for (const auto side : tensor.shape) {
      if (side != 0 && bits > most / side) refuse("tensor '" + tensor.name + "' is too large");
      bits *= std::max<std::uint64_t>(side, 1);
    }
    if (!empty && bits % byte != 0) refuse("tensor '" + tensor.name + "' ends within a byte");
    const std::uint64_t size = empty ? 0 : bits / byte;
    if (tensor.begin != next || tensor.end < next || tensor.end - next != size ||
        tensor.end > values) {
      refuse("tensor '" + tensor.name + "' does not lie where its shape says");
    }
    next = tensor.end;
  }
  if (next != values) refuse("bytes follow the last tensor");
}

}  // namespace detail

/// The header of the file whose bytes are `file`. Every tensor is known to lie within the file.
/// Throws CheckpointError, whose sentence continues "checkpoint NAME ".
[[nodiscard]] inline SafetensorsHeader parse_safetensors(std::string_view file) {
  using Reader = detail::SafetensorsHeaderReader;
  std::uint64_t length = 0;
  if (file.size() < sizeof length) Reader::refuse("it is shorter than a header");
  std::memcpy(&length, file.data(), sizeof length);
  if (length > detail::longest_safetensors_header) {
    Reader::refuse("its first 8 bytes give a header length beyond the format's limit");
  }
  if (length > file.size() - sizeof length) {
    Reader::refuse("its first 8 bytes give a header length beyond the end of the file");
  }
  SafetensorsHeader header{.metadata = {}, .tensors = {}, .size = sizeof length + length};
  Reader reader(header);
  const auto text = file.substr(sizeof length, length);
  nlohmann::json::sax_parse(text.begin(), text.end(), &reader);
  std::ranges::stable_sort(header.tensors, {}, [](const TensorPlace& tensor) {
    return std::pair(tensor.begin, tensor.end);
  });
  detail::check_places(header, file.size() - header.size);
  return header;
}

}  // namespace gradus
