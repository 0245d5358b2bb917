/// Named tensors in a safetensors file: eight bytes of header length, a JSON header, raw values.
#pragma once

#include <gradus/core/dump.hpp>
#include <gradus/core/error.hpp>
#include <gradus/core/parameters.hpp>
#include <gradus/core/write_file.hpp>

#include <nlohmann/json.hpp>

#include <ATen/ops/empty.h>

#include <bit>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <map>
#include <string>
#include <utility>
#include <vector>

namespace gradus {

/// What a safetensors file holds. Format: https://github.com/huggingface/safetensors (0.5).
struct Safetensors {
  std::map<std::string, std::string> metadata;
  std::vector<NamedTensor> tensors;  ///< on the CPU, contiguous, in file order
};

namespace detail {

static_assert(std::endian::native == std::endian::little, "safetensors values are little-endian");

/// The types that are written, with their names in the format.
inline const std::vector<std::pair<std::string, at::ScalarType>>& safetensors_types() {
  static const std::vector<std::pair<std::string, at::ScalarType>> types{
      {"F64", at::kDouble}, {"F32", at::kFloat}, {"F16", at::kHalf}, {"BF16", at::kBFloat16},
      {"I64", at::kLong},   {"I32", at::kInt},   {"U8", at::kByte},  {"BOOL", at::kBool}};
  return types;
}

constexpr std::uint64_t longest_safetensors_header =
    100'000'000;  ///< bytes, the format's own limit

constexpr int deepest_safetensors_header = 3;  ///< the header, an entry, its lists

/// Throws for a file whose header does not describe exactly its bytes.
class SafetensorsReader {
 public:
  explicit SafetensorsReader(const std::filesystem::path& path) : path_(path.string()) {
    std::ifstream file(path, std::ios::binary);
    if (!file) refuse("cannot be read", "name a checkpoint that exists and is readable");
    try {
      bytes_.assign(std::istreambuf_iterator<char>(file), {});
    } catch (const std::ios_base::failure&) {  // a folder, or a bad disk
      refuse("cannot be read", "name a checkpoint that exists and is readable");
    }
  }

  Safetensors read() try {
    std::uint64_t length = 0;
    if (bytes_.size() < sizeof length) refuse_damaged("it is shorter than a header");
    std::memcpy(&length, bytes_.data(), sizeof length);
    if (length > longest_safetensors_header || length > bytes_.size() - sizeof length) {
      refuse_damaged("its header is said to be longer than the file");
    }
    const auto* begin = bytes_.data() + sizeof length;
    const auto shallow = [&](int depth, auto, const auto&) {
      if (depth > deepest_safetensors_header) refuse_damaged("its header is nested too deep");
      return true;
    };
    const auto header = nlohmann::ordered_json::parse(begin, begin + length, shallow, false);
    if (!header.is_object()) refuse_damaged("its header is not a JSON object");
    values_ = begin + length;
    values_size_ = bytes_.size() - sizeof length - length;

    Safetensors file;
    for (const auto& [name, entry] : header.items()) {
      if (name == "__metadata__") {
        read_metadata(entry, file.metadata);
      } else {
        file.tensors.push_back({name, read_tensor(name, entry)});
      }
    }
    if (next_ != values_size_) refuse_damaged("bytes follow the last tensor");
    return file;
  } catch (const nlohmann::json::exception&) {
    refuse_damaged("an entry of its header has the wrong type");
  }

 private:
  [[noreturn]] void refuse(const std::string& found, const std::string& next) const {
    throw CheckpointError("checkpoint " + path_ + " " + found + "; " + next + ".");
  }
  [[noreturn]] void refuse_damaged(const std::string& what) const {
    refuse("is not a whole safetensors file: " + what, "use another checkpoint");
  }

  void read_metadata(const nlohmann::ordered_json& entry,
                     std::map<std::string, std::string>& to) const {
    if (!entry.is_object()) refuse_damaged("its metadata is not an object");
    for (const auto& [key, value] : entry.items()) {
      if (!value.is_string()) refuse_damaged("its metadata '" + key + "' is not a text");
      to[key] = value.get<std::string>();
    }
  }

  /// Tensors must follow one another without holes or overlaps, in the order of the header.
  at::Tensor read_tensor(const std::string& name, const nlohmann::ordered_json& entry) {
    const auto type = type_named(name, entry.value("dtype", std::string()));
    const auto shape = whole_numbers(name, entry, "shape");
    const auto offsets = whole_numbers(name, entry, "data_offsets");
    std::uint64_t size = c10::elementSize(type);
    for (const auto side : shape) {
      if (side != 0 && size > values_size_ / side)
        refuse_damaged("tensor '" + name + "' is too large");
      size *= side;
    }
    const bool placed = offsets.size() == 2 && offsets[0] == next_ && offsets[1] >= offsets[0] &&
                        offsets[1] - offsets[0] == size && offsets[1] <= values_size_;
    if (!placed) refuse_damaged("tensor '" + name + "' does not lie where its shape says");
    next_ = offsets[1];
    const std::vector<std::int64_t> sizes(shape.begin(), shape.end());
    auto tensor = at::empty(sizes, at::dtype(type));
    std::memcpy(tensor.mutable_data_ptr(), values_ + offsets[0], size);
    return tensor;
  }

  [[nodiscard]] at::ScalarType type_named(const std::string& tensor,
                                          const std::string& name) const {
    for (const auto& [known, type] : safetensors_types()) {
      if (known == name) return type;
    }
    refuse_damaged("tensor '" + tensor + "' has the unknown type '" + name + "'");
  }

  [[nodiscard]] std::vector<std::uint64_t> whole_numbers(const std::string& tensor,
                                                         const nlohmann::ordered_json& entry,
                                                         const char* key) const {
    std::vector<std::uint64_t> numbers;
    const auto list = entry.find(key);
    if (list == entry.end() || !list->is_array()) {
      refuse_damaged("tensor '" + tensor + "' has no " + key);
    }
    for (const auto& number : *list) {
      if (!number.is_number_unsigned()) refuse_damaged("tensor '" + tensor + "' has a bad " + key);
      numbers.push_back(number.get<std::uint64_t>());
    }
    return numbers;
  }

  std::string path_;
  std::vector<char> bytes_;
  const char* values_ = nullptr;
  std::uint64_t values_size_ = 0;
  std::uint64_t next_ = 0;  ///< where the next tensor must begin
};

}  // namespace detail

/// Reads and checks the whole file before anything is handed out. Throws CheckpointError.
inline Safetensors read_safetensors(const std::filesystem::path& path) {
  return detail::SafetensorsReader(path).read();
}

/// Writes the file whole or not at all. Throws ResourceError if it cannot be written.
inline void write_safetensors(const std::filesystem::path& path, const Safetensors& file) {
  nlohmann::ordered_json header;
  header["__metadata__"] = file.metadata;
  std::string values;
  for (const auto& [name, tensor] : file.tensors) {
    const auto plain = tensor.detach().cpu().contiguous();
    std::string type;
    for (const auto& [known, scalar] : detail::safetensors_types()) {
      if (scalar == plain.scalar_type()) type = known;
    }
    if (type.empty())
      throw CheckpointError("tensor '" + name + "' has a type that cannot be saved.");
    const auto begin = values.size();
    values.append(static_cast<const char*>(plain.const_data_ptr()), plain.nbytes());
    header[name] = {
        {"dtype", type}, {"shape", plain.sizes().vec()}, {"data_offsets", {begin, values.size()}}};
  }
  auto text = dump(header);
  text.resize((text.size() + 7) / 8 * 8, ' ');  // so that values are aligned when mapped
  const auto length = static_cast<std::uint64_t>(text.size());
  std::string bytes(sizeof length, '\0');
  std::memcpy(bytes.data(), &length, sizeof length);
  write_file(path, bytes + text + values);
}

}  // namespace gradus
