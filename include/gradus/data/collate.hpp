/// Single samples whose tensors may differ in length, and how they become a batch.
#pragma once

#include <gradus/core/batch.hpp>
#include <gradus/core/tensor_fingerprint.hpp>
#include <gradus/data/dataset.hpp>
#include <gradus/data/detail/columns.hpp>
#include <gradus/error.hpp>

#include <ATen/core/Tensor.h>
#include <ATen/ops/empty.h>
#include <c10/core/ScalarType.h>
#include <c10/util/StringUtil.h>

#include <algorithm>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

namespace gradus::data {

/// Samples one by one: `s.sample(i)`, 0 <= i < s.size(), is a tensor or any aggregate of tensors on
/// the CPU, without a dimension for the batch. It depends on i only, and may run in several threads
/// at once.
template <class S>
concept SampleSource = requires(const S& source, std::int64_t index) {
  { source.size() } -> std::convertible_to<std::int64_t>;
  { source.sample(index) } -> BatchForm;
};

/// The type of one sample of a SampleSource.
template <SampleSource S>
using sample_of = std::remove_cvref_t<decltype(std::declval<const S&>().sample(std::int64_t()))>;

/// A batch of N padded samples: tensors [N, T, ...], T the longest of each; those of samples
/// without dimensions are [N].
template <class S>
struct Padded {
  S samples;
  at::Tensor lengths;  ///< [N] int64, of the first tensor that has dimensions
  at::Tensor mask;     ///< [N, T] bool, true where that is no padding
};

/// Of Batches, as Supervised and NextToken take them.
template <>
struct Padded<Batch> {
  at::Tensor input;
  at::Tensor target;
  at::Tensor lengths;  ///< [N] int64, of the input
  at::Tensor mask;     ///< [N, T] bool, true where the input is no padding
};

/// How many positions are no padding, for the `weight` of a task: of a batch on the CPU.
template <class S>
[[nodiscard]] double positions(const Padded<S>& batch) {
  const auto* lengths = batch.lengths.template const_data_ptr<std::int64_t>();
  std::int64_t sum = 0;
  for (std::int64_t k = 0; k < batch.lengths.numel(); ++k) sum += lengths[k];
  return static_cast<double>(sum);
}

/// Tensors of equal shapes, one on the other: [...] becomes [N, ...]. Throws DataError for no
/// samples, and for shapes or types that differ. Start a collating policy of your own from this.
struct Stack {
  template <class S>
  [[nodiscard]] S collate(const std::vector<S>& samples) const {
    const auto columns = detail::columns_of(samples, /*lengths_may_differ=*/false);
    return detail::joined_samples(samples, columns, [](std::size_t, bool) { return 0.0; });
  }
};

/// Tensors [length, ...], each padded behind its end to the longest of its batch. Throws DataError
/// for no samples, for shapes that differ beyond their first dimension, and for an empty sample,
/// whose mask would hide everything.
struct Pad {
  /// What each tensor of a sample is padded with. Without it, 0, but -100, which losses of classes
  /// ignore, for a tensor `target` of int16, int32 or int64. Of a floating target the padding
  /// counts unless the task leaves it out by the mask.
  std::vector<double> fills{};

  template <class S>
  [[nodiscard]] Padded<S> collate(const std::vector<S>& samples) const {
    const auto columns = detail::columns_of(samples, /*lengths_may_differ=*/true);
    if (!fills.empty() && fills.size() != columns.size()) {
      throw DataError(c10::str("Pad was given ", fills.size(), " fills for samples of ",
                               columns.size(), " tensors; expected none, or one for each."));
    }
    auto all = detail::joined_samples(samples, columns, [&](std::size_t i, bool is_target) {
      if (!fills.empty()) return fills[i];
      const auto type = columns[i].front().scalar_type();
      const bool is_class = type == at::kShort || type == at::kInt || type == at::kLong;
      return is_target && is_class ? -100.0 : 0.0;
    });
    auto [lengths, mask] = lengths_of(columns);
    if constexpr (std::same_as<S, Batch>) {
      return {all.input, all.target, lengths, mask};
    } else {
      return {std::move(all), lengths, mask};
    }
  }

  /// Of the fills, added to that of the samples.
  [[nodiscard]] std::uint32_t fingerprint(std::uint32_t samples) const {
    return fingerprint_of(fills, samples);
  }

 private:
  static std::pair<at::Tensor, at::Tensor> lengths_of(const std::vector<detail::Column>& columns) {
    const auto sequence = std::find_if(columns.begin(), columns.end(),
                                       [](const auto& column) { return column.front().dim() > 0; });
    if (sequence == columns.end()) {
      throw DataError(
          "Pad was given samples whose tensors have no dimensions; expected one with a length, or "
          "the policy Stack.");
    }
    const auto count = static_cast<std::int64_t>(sequence->size());
    std::int64_t longest = 0;
    auto lengths = at::empty({count}, at::kLong);
    auto* length = lengths.mutable_data_ptr<std::int64_t>();
    for (std::int64_t k = 0; k < count; ++k) {
      length[k] = (*sequence)[static_cast<std::size_t>(k)].size(0);
      longest = std::max(longest, length[k]);
      if (length[k] == 0) {
        throw DataError("Sample " + std::to_string(k) +
                        " of a batch is empty, and its mask would hide everything; expected a "
                        "length of 1 or more: leave the sample out.");
      }
    }
    auto mask = at::empty({count, longest}, at::kBool);
    auto* shown = mask.mutable_data_ptr<bool>();
    for (std::int64_t k = 0; k < count; ++k, shown += longest) {
      std::fill(shown, shown + length[k], true);
      std::fill(shown + length[k], shown + longest, false);
    }
    return {lengths, mask};
  }
};

/// What makes a batch of samples.
template <class C, class S>
concept Collating = requires(const C& collating, const std::vector<S>& samples) {
  { collating.collate(samples) } -> BatchForm;
};

/// A dataset of single samples, which `Policy` makes batches of:
///
///     const data::Collated<Sentences, data::Pad> train(Sentences(text));
template <SampleSource Samples, Collating<sample_of<Samples>> Policy>
class Collated {
 public:
  explicit Collated(Samples samples, Policy policy = {})
      : samples_(std::move(samples)), policy_(std::move(policy)) {}

  [[nodiscard]] std::int64_t size() const { return samples_.size(); }

  /// Throws DataError for no index or one outside, and as the policy does.
  [[nodiscard]] auto batch(std::span<const std::int64_t> indices) const {
    if (indices.empty()) {
      throw DataError("A batch of no samples was asked for; expected one index or more.");
    }
    std::vector<sample_of<Samples>> samples;
    samples.reserve(indices.size());
    for (const auto index : indices) {
      if (index < 0 || index >= size()) {
        throw DataError("Sample " + std::to_string(index) + " was asked for, but the dataset has " +
                        std::to_string(size()) + "; expected an index from 0 to size - 1.");
      }
      samples.push_back(samples_.sample(index));
    }
    return policy_.collate(samples);
  }

  [[nodiscard]] const Samples& samples() const { return samples_; }

  /// Of the samples, if they have one, and the policy.
  [[nodiscard]] std::uint32_t fingerprint() const
    requires requires(const Samples& samples) {
      { samples.fingerprint() } -> std::convertible_to<std::uint32_t>;
    }
  {
    const auto sum = static_cast<std::uint32_t>(samples_.fingerprint());
    if constexpr (requires { policy_.fingerprint(sum); }) return policy_.fingerprint(sum);
    return sum;
  }

 private:
  Samples samples_;
  Policy policy_;
};

}  // namespace gradus::data
