/// The windows of a text of tokens, wherever it lies.
#pragma once

#include <gradus/core/batch.hpp>
#include <gradus/error.hpp>

#include <ATen/core/Tensor.h>
#include <ATen/ops/empty.h>

#include <algorithm>
#include <cstdint>
#include <span>
#include <string>

namespace gradus::data::detail {

/// Window i are the `context` ids from i * `stride` on; its target are the ids that follow each.
struct TokenWindows {
  std::int64_t context = 0;
  std::int64_t stride = 0;

  /// Of a text of so many `tokens`, more than the context.
  [[nodiscard]] std::int64_t count(std::int64_t tokens) const {
    return (tokens - 1 - context) / stride + 1;
  }

  /// [N, context] int64 of the text that begins at `ids`; `what` names it in errors. A plain loop.
  /// Throws DataError for an index outside.
  template <class Id>
  [[nodiscard]] Batch batch(const Id* ids, std::int64_t tokens,
                            std::span<const std::int64_t> indices, const char* what) const {
    const auto samples = static_cast<std::int64_t>(indices.size());
    Batch batch{at::empty({samples, context}, at::kLong), at::empty({samples, context}, at::kLong)};
    auto* input = batch.input.mutable_data_ptr<std::int64_t>();
    auto* target = batch.target.mutable_data_ptr<std::int64_t>();
    for (const auto index : indices) {
      if (index < 0 || index >= count(tokens)) {
        throw DataError("Window " + std::to_string(index) + " was asked for, but the " + what +
                        " has " + std::to_string(count(tokens)) +
                        "; expected an index from 0 to size - 1.");
      }
      const auto* from = ids + index * stride;
      input = std::copy(from, from + context, input);
      target = std::copy(from + 1, from + 1 + context, target);
    }
    return batch;
  }
};

}  // namespace gradus::data::detail
