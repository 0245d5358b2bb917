/// The checksum of a tensor, by which equal data is known again.
#pragma once

#include <gradus/files/crc32c.hpp>

#include <ATen/core/Tensor.h>

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

namespace gradus {

/// Of the bytes of `numbers`, behind what `before` is of.
template <class Number>
[[nodiscard]] std::uint32_t fingerprint_of(const std::vector<Number>& numbers,
                                           std::uint32_t before = 0) {
  return crc32c({reinterpret_cast<const char*>(numbers.data()), numbers.size() * sizeof(Number)},
                before);
}

/// Of the type, the sizes and the values of a contiguous tensor on the CPU: equal bytes in another
/// shape or type are another tensor.
[[nodiscard]] inline std::uint32_t fingerprint_of(const at::Tensor& tensor,
                                                  std::uint32_t before = 0) {
  auto form = tensor.sizes().vec();
  form.push_back(static_cast<std::int64_t>(tensor.scalar_type()));
  return crc32c({static_cast<const char*>(tensor.const_data_ptr()), tensor.nbytes()},
                fingerprint_of(form, before));
}

}  // namespace gradus
