/// Checksums inside a safetensors file, which other readers ignore: one for each tensor and one
/// for the header, in its metadata. Bytes alone, without torch.
#pragma once

#include <gradus/checkpoint/safetensors_header.hpp>
#include <gradus/error.hpp>
#include <gradus/files/crc32c.hpp>
#include <gradus/settings/dump.hpp>

#include <nlohmann/json.hpp>

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

namespace gradus {

namespace detail {

/// Of the metadata: {"tensor": eight hexadecimal digits} as text.
inline constexpr std::string_view tensor_seals = "crc32c";
/// Of the metadata: that of the file up to the first value, taken with eight zeros in its place.
inline constexpr std::string_view header_seal = "header_crc32c";
inline constexpr std::string_view unsealed = "00000000";

/// What stands before the eight digits of the header's seal. Within a text of the header the quotes
/// would be escaped, so that it is there once.
inline constexpr std::string_view before_header_seal = "\"header_crc32c\":\"";

}  // namespace detail

/// The first bytes of a file: the length of its header, then `header` with seals in its metadata.
[[nodiscard]] inline std::string sealed_header(nlohmann::ordered_json header,
                                               const nlohmann::ordered_json& checksums) {
  auto& metadata = header["__metadata__"];
  metadata[std::string(detail::tensor_seals)] = dump(checksums);
  metadata[std::string(detail::header_seal)] = detail::unsealed;
  auto text = dump(header);
  text.resize((text.size() + 7) / 8 * 8, ' ');  // so that values are aligned
  const auto length = static_cast<std::uint64_t>(text.size());
  std::string bytes(sizeof length, '\0');
  std::memcpy(bytes.data(), &length, sizeof length);
  bytes += text;
  const auto mark = detail::before_header_seal;
  bytes.replace(bytes.find(mark) + mark.size(), detail::unsealed.size(),
                hexadecimal(crc32c(bytes)));
  return bytes;
}

/// Compares the file's bytes with its seals, and takes them out of the metadata. Returns whether it
/// has any: files of other programs have none. Throws DamagedCheckpoint, whose sentence continues
/// from "checkpoint NAME ".
inline bool check_seals(std::string_view file, SafetensorsHeader& header) {
  const auto refuse = [](const std::string& what) {
    throw DamagedCheckpoint("is damaged: " + what + "; use another checkpoint.");
  };
  const auto tensors = header.metadata.extract(std::string(detail::tensor_seals));
  const auto whole = header.metadata.extract(std::string(detail::header_seal));
  if (tensors.empty() && whole.empty()) return false;
  if (tensors.empty() || whole.empty()) refuse("one of its two checksums is missing");

  std::string head(file.substr(0, header.size));
  const auto mark = detail::before_header_seal;
  const auto at = head.find(mark);
  if (at == std::string::npos || whole.mapped().size() != detail::unsealed.size()) {
    refuse("the checksum of its header is not where it belongs");
  }
  head.replace(at + mark.size(), detail::unsealed.size(), detail::unsealed);
  if (hexadecimal(crc32c(head)) != whole.mapped()) refuse("its header has another checksum");

  const auto sums = nlohmann::json::parse(tensors.mapped(), nullptr, /*allow_exceptions=*/false);
  if (!sums.is_object() || sums.size() != header.tensors.size()) {
    refuse("it has not one checksum for each tensor");
  }
  for (const auto& tensor : header.tensors) {
    const auto values = file.substr(header.size + tensor.begin, tensor.end - tensor.begin);
    const auto sum = sums.find(tensor.name);
    if (sum == sums.end() || *sum != hexadecimal(crc32c(values))) {
      refuse("tensor '" + tensor.name + "' has another checksum");
    }
  }
  return true;
}

}  // namespace gradus
