/// Which parameters a saved state is of.
#pragma once

#include <gradus/core/parameters.hpp>
#include <gradus/files/crc32c.hpp>

#include <ATen/ops/empty.h>

#include <cstddef>
#include <cstdint>
#include <vector>

namespace gradus {

/// Run states go by the place of a parameter in this list, not by its name: a checksum of the
/// names.
inline std::int64_t order_of(const std::vector<NamedTensor>& parameters) {
  std::uint32_t sum = 0;
  for (const auto& parameter : parameters) sum = crc32c(parameter.name + '\n', sum);
  return sum;
}

/// Which parameters are trained, the others being frozen: bool [parameters].
inline at::Tensor trained(const std::vector<NamedTensor>& parameters) {
  auto flags = at::empty({static_cast<std::int64_t>(parameters.size())}, at::kBool);
  auto* flag = flags.mutable_data_ptr<bool>();
  for (const auto& parameter : parameters) *flag++ = parameter.tensor.requires_grad();
  return flags;
}
/// Makes those trained, by flags as `trained` gives them.
inline void set_trained(const std::vector<NamedTensor>& parameters, const at::Tensor& flags) {
  for (std::size_t i = 0; i < parameters.size(); ++i) {
    parameters[i].tensor.requires_grad_(flags[static_cast<std::int64_t>(i)].item<bool>());
  }
}

}  // namespace gradus
