/// Named tensors in a safetensors file: eight bytes of header length, a JSON header, raw values.
#pragma once

#include <gradus/checkpoint/safetensors_header.hpp>
#include <gradus/checkpoint/seal.hpp>
#include <gradus/core/memory_form.hpp>
#include <gradus/core/parameters.hpp>
#include <gradus/error.hpp>
#include <gradus/files/read_file.hpp>
#include <gradus/files/write_file.hpp>

#include <nlohmann/json.hpp>

#include <ATen/ops/empty.h>
#include <ATen/ops/from_blob.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace gradus {

/// What a safetensors file holds. Format: https://github.com/huggingface/safetensors (0.8).
struct Safetensors {
  std::map<std::string, std::string> metadata;
  std::vector<NamedTensor> tensors;  ///< on the CPU, contiguous, in file order
  bool sealed = false;  ///< when read: it had checksums, and they were right (checkpoint/seal.hpp)
};

namespace detail {

/// The types that LibTorch has too.
inline constexpr std::array<std::pair<std::string_view, at::ScalarType>, 20> safetensors_types{
    {{"F64", at::kDouble},
     {"F32", at::kFloat},
     {"F16", at::kHalf},
     {"BF16", at::kBFloat16},
     {"I64", at::kLong},
     {"I32", at::kInt},
     {"I16", at::kShort},
     {"I8", at::kChar},
     {"U64", at::kUInt64},
     {"U32", at::kUInt32},
     {"U16", at::kUInt16},
     {"U8", at::kByte},
     {"BOOL", at::kBool},
     {"C64", at::kComplexFloat},
     {"F8_E4M3", at::kFloat8_e4m3fn},
     {"F8_E5M2", at::kFloat8_e5m2},
     {"F8_E8M0", at::ScalarType::Float8_e8m0fnu},
     {"F8_E4M3FNUZ", at::ScalarType::Float8_e4m3fnuz},
     {"F8_E5M2FNUZ", at::ScalarType::Float8_e5m2fnuz},
     {"F4", at::ScalarType::Float4_e2m1fn_x2}}};

/// LibTorch counts pairs of 4-bit values, the format single ones.
constexpr std::int64_t values_in(at::ScalarType type) {
  return type == at::ScalarType::Float4_e2m1fn_x2 ? 2 : 1;
}

/// The type's name in the format, or null for a tensor that it cannot hold.
inline const std::string_view* type_of(const at::Tensor& tensor) {
  const auto* type = std::ranges::find(safetensors_types, tensor.scalar_type(),
                                       &std::pair<std::string_view, at::ScalarType>::second);
  const bool pairs_of_none = values_in(tensor.scalar_type()) > 1 && tensor.dim() == 0;
  if (type == safetensors_types.end() || tensor.layout() != at::kStrided || pairs_of_none) {
    return nullptr;
  }
  return &type->first;
}

using FileBytes = std::shared_ptr<const std::vector<std::uint8_t>>;

/// A tensor over the file's bytes, which it keeps; a copy where the file was not laid out for that.
inline at::Tensor tensor_at(const FileBytes& file, const TensorPlace& place, std::uint64_t values) {
  const auto* type = std::ranges::find(safetensors_types, place.type,
                                       &std::pair<std::string_view, at::ScalarType>::first);
  if (type == safetensors_types.end()) {
    throw CheckpointError("cannot be read: tensor '" + place.name + "' has the type '" +
                          place.type +
                          "', which LibTorch does not have; convert that tensor, or leave it out.");
  }
  std::vector<std::int64_t> sizes(place.shape.begin(), place.shape.end());
  if (const auto pair = values_in(type->second); pair > 1) {
    if (sizes.empty() || sizes.back() % pair != 0) {
      throw CheckpointError("cannot be read: tensor '" + place.name + "' has the type '" +
                            place.type +
                            "', of which LibTorch holds pairs, but its last side is odd.");
    }
    sizes.back() /= pair;
  }
  const auto* at = file->data() + values + place.begin;
  if (reinterpret_cast<std::uintptr_t>(at) % c10::elementSize(type->second) == 0) {
    return at::from_blob(
        const_cast<std::uint8_t*>(at), sizes, [file](void*) {}, at::dtype(type->second));
  }
  auto tensor = at::empty(sizes, at::dtype(type->second));
  std::memcpy(tensor.mutable_data_ptr(), at, place.end - place.begin);
  return tensor;
}

/// Archives of LibTorch and Python run code when they are read. Those bytes may be the length of a
/// header too, behind which it begins.
inline void refuse_archive(std::string_view file) {
  constexpr std::size_t header_begin = 8;
  if (!file.starts_with("PK\x03\x04") && !file.starts_with("\x80\x02")) return;
  if (file.size() > header_begin && file[header_begin] == '{') return;
  throw CheckpointError(
      "is an archive of PyTorch, whose reading can run code that it brings along, and is not "
      "opened; save it from Python with the package safetensors.");
}

}  // namespace detail

/// Reads and checks the whole file before anything is handed out; checksums too, if it has any. The
/// tensors lie in the memory that the file was read into. Throws CheckpointError, DamagedCheckpoint
/// for bytes that are not those that were written.
inline Safetensors read_safetensors(const std::filesystem::path& path) {
  const auto size_is_no_matter = [](std::uintmax_t) {};
  const auto bytes = std::make_shared<const std::vector<std::uint8_t>>(
      read_file<CheckpointError>(path, "a checkpoint", size_is_no_matter));
  const std::string_view file(reinterpret_cast<const char*>(bytes->data()), bytes->size());
  try {
    detail::refuse_archive(file);
    auto header = parse_safetensors(file);
    Safetensors result;
    result.sealed = check_seals(file, header);
    for (const auto& place : header.tensors) {
      result.tensors.push_back({place.name, detail::tensor_at(bytes, place, header.size)});
    }
    result.metadata = std::move(header.metadata);
    return result;
  } catch (const DamagedCheckpoint& error) {
    throw DamagedCheckpoint("checkpoint " + path.string() + " " + error.what());
  } catch (const CheckpointError& error) {
    throw CheckpointError("checkpoint " + path.string() + " " + error.what());
  }
}

/// Writes the file whole or not at all, with checksums. Throws ResourceError if it cannot be
/// written, CheckpointError for a type that the format does not have.
inline void write_safetensors(const std::filesystem::path& path, const Safetensors& file) {
  std::vector<NamedTensor> tensors;
  for (const auto& [name, tensor] : file.tensors) {
    if (detail::type_of(tensor) == nullptr) {
      throw CheckpointError("tensor '" + name + "' is " +
                            c10::str(tensor.scalar_type(), ", ", tensor.layout()) +
                            ", which cannot be saved; the format has no such type.");
    }
    tensors.push_back({name, plain_values(tensor.detach().cpu())});
  }
  // Wide types first, so that every tensor lies at a multiple of its type's size.
  std::ranges::stable_sort(tensors, std::ranges::greater(),
                           [](const NamedTensor& tensor) { return tensor.tensor.element_size(); });
  auto header = nlohmann::ordered_json{{"__metadata__", file.metadata}};
  auto checksums = nlohmann::ordered_json::object();
  std::vector<std::string_view> pieces(1);
  std::uint64_t begin = 0;
  for (const auto& [name, tensor] : tensors) {
    auto shape = tensor.sizes().vec();
    if (!shape.empty()) shape.back() *= detail::values_in(tensor.scalar_type());
    pieces.emplace_back(static_cast<const char*>(tensor.const_data_ptr()), tensor.nbytes());
    const auto end = begin + tensor.nbytes();
    header[name] = {
        {"dtype", *detail::type_of(tensor)}, {"shape", shape}, {"data_offsets", {begin, end}}};
    checksums[name] = hexadecimal(crc32c(pieces.back()));
    begin = end;
  }
  const auto head = sealed_header(std::move(header), checksums);
  pieces.front() = head;
  write_file(path, pieces);
}

}  // namespace gradus
