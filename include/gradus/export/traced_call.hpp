/// A call of an operator, and a tensor, as a trace has them.
#pragma once

#include <gradus/core/memory_form.hpp>
#include <gradus/core/tensor_fingerprint.hpp>

#include <ATen/core/Tensor.h>
#include <ATen/core/ivalue.h>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace gradus {

/// Of one operator: numbers, or tensors by their number in the trace.
struct TracedArgument {
  c10::IValue value;                 ///< where there are no tensors in it
  std::vector<std::size_t> tensors;  ///< numbers; `none` for one that is undefined
  bool is_list = false;              ///< of tensors

  static constexpr std::size_t none = static_cast<std::size_t>(-1);
};

/// One call of an operator, as the code made it: `aten::linear`, not what that is made of.
struct TracedCall {
  std::string name;  ///< with its overload, "aten::add.Tensor"
  std::vector<TracedArgument> arguments;
  /// Tensors alone, those of a list one by one; of a call that returns nothing what it has written.
  std::vector<std::size_t> results;
  bool returns = false;  ///< anything, tensors or not
};

/// Whether a call makes memory without writing to it.
[[nodiscard]] inline bool is_unwritten(const TracedCall& call) {
  return call.name.starts_with("aten::empty") || call.name.starts_with("aten::new_empty");
}

/// A tensor at one time: one that is written to has another number from then on.
struct TracedTensor {
  at::Tensor tensor;
  std::vector<std::int64_t> sizes;
  std::optional<std::size_t> maker;  ///< the call; nothing for values that no operator has made
  std::uint32_t fingerprint = 0;     ///< of the values at that time
  bool is_stale = false;             ///< its memory was written by way of another tensor
};

/// Of type, sizes and values, wherever they lie; 0 for a tensor without memory of its own.
[[nodiscard]] inline std::uint32_t fingerprint_of_values(const at::Tensor& tensor) {
  if (tensor.layout() != at::kStrided || tensor.is_meta()) return 0;
  return fingerprint_of(plain_values(tensor.detach()).cpu());
}

}  // namespace gradus
