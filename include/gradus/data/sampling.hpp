/// The division of samples into batches.
#pragma once

#include <gradus/error.hpp>

#include <range/v3/range/conversion.hpp>
#include <range/v3/view/chunk.hpp>
#include <range/v3/view/iota.hpp>
#include <range/v3/view/transform.hpp>

#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace gradus::data {

/// 0, 1, ..., size - 1: the order of an evaluation.
[[nodiscard]] inline std::vector<std::int64_t> sequential_order(std::int64_t size) {
  return ranges::views::iota(std::int64_t{0}, size) | ranges::to<std::vector>();
}

/// What becomes of the samples that do not fill a whole batch.
enum class LastBatch { keep, drop };

/// Throws DataError unless 1 <= batch_size <= samples: a training batch must be one the set can
/// fill.
inline void check_batch_size(std::int64_t samples, std::int64_t batch_size) {
  if (batch_size < 1) {
    throw DataError("The batch size is " + std::to_string(batch_size) +
                    "; expected a number of samples of 1 or more: set another batch size.");
  }
  if (batch_size > samples) {
    throw DataError(
        "The batch size is " + std::to_string(batch_size) + " but the dataset has " +
        std::to_string(samples) +
        " samples; expected a batch that the dataset can fill: set a smaller batch size, "
        "or take more samples.");
  }
}

/// Number of batches in `samples` samples. Throws DataError when `batch_size` is below 1.
[[nodiscard]] inline std::int64_t batch_count(std::int64_t samples, std::int64_t batch_size,
                                              LastBatch last = LastBatch::keep) {
  if (batch_size < 1) check_batch_size(samples, batch_size);
  return samples / batch_size + (last == LastBatch::keep && samples % batch_size != 0 ? 1 : 0);
}

/// The batches of `order`: a sized random-access range of spans into it. Each sample is in exactly
/// one; the last batch may be short. A batch size above the number of samples gives one short batch
/// (an evaluation wants that; training calls `check_batch_size` first). Throws DataError when
/// `batch_size` is below 1. `order` must outlive the result.
///
///     for (std::span<const std::int64_t> indices : batches(order, 256))
///     use(dataset.batch(indices));
[[nodiscard]] inline auto batches(std::span<const std::int64_t> order, std::int64_t batch_size) {
  if (batch_size < 1) {
    check_batch_size(static_cast<std::int64_t>(order.size()), batch_size);
  }
  return order | ranges::views::chunk(batch_size) | ranges::views::transform([](auto&& chunk) {
           return std::span<const std::int64_t>(&*chunk.begin(),
                                                static_cast<std::size_t>(chunk.size()));
         });
}

}  // namespace gradus::data
