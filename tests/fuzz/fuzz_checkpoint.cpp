// Any bytes are a checkpoint that lies within itself, or a CheckpointError.
#include <gradus/checkpoint/safetensors_header.hpp>
#include <gradus/checkpoint/seal.hpp>

#include <cstdint>
#include <cstdlib>
#include <string_view>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view file(reinterpret_cast<const char*>(data), size);
  try {
    auto header = gradus::parse_safetensors(file);
    std::uint64_t next = header.size;
    for (const auto& tensor : header.tensors) {
      if (header.size + tensor.begin != next || tensor.end < tensor.begin) std::abort();
      next = header.size + tensor.end;
    }
    if (next != size) std::abort();
    gradus::check_seals(file, header);
  } catch (const gradus::CheckpointError&) {
  }
  return 0;
}
