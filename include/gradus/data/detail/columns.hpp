/// The tensors of single samples, joined to those of a batch by plain loops.
#pragma once

#include <gradus/core/batch.hpp>
#include <gradus/core/memory_form.hpp>
#include <gradus/error.hpp>

#include <ATen/core/Tensor.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/scalar_tensor.h>
#include <c10/core/ScalarType.h>
#include <c10/util/StringUtil.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <vector>

namespace gradus::data::detail {

using Column = std::vector<at::Tensor>;  ///< one tensor of a sample, for each sample of a batch

/// "Long [3] on cpu".
inline std::string form_of(const at::Tensor& tensor) {
  if (!tensor.defined()) return "undefined";
  return c10::str(tensor.scalar_type(), " ", tensor.sizes(), " on ", tensor.device());
}

inline bool agree(const at::Tensor& one, const at::Tensor& other, bool lengths_may_differ) {
  if (!one.defined() || !one.device().is_cpu() || one.scalar_type() != other.scalar_type() ||
      one.dim() != other.dim()) {
    return false;
  }
  const std::size_t from = lengths_may_differ && one.dim() > 0 ? 1 : 0;
  return one.sizes().slice(from) == other.sizes().slice(from);
}

/// The tensors of samples, one column for each. Throws DataError for no samples, and unless they
/// are as many in each sample, on the CPU, and agree in type and in all dimensions but, if they may
/// differ, the first.
template <class S>
std::vector<Column> columns_of(const std::vector<S>& samples, bool lengths_may_differ) {
  if (samples.empty()) {
    throw DataError("A batch of no samples was to be made; expected one sample or more.");
  }
  std::vector<Column> columns;
  for (std::size_t k = 0; k < samples.size(); ++k) {
    const auto tensors = tensors_of(samples[k]);
    if (k == 0) columns.resize(tensors.size());
    if (tensors.size() != columns.size()) {
      throw DataError(c10::str("Sample ", k, " of a batch has ", tensors.size(),
                               " tensors, but the first has ", columns.size(),
                               "; expected as many in each."));
    }
    for (std::size_t i = 0; i < columns.size(); ++i) {
      const auto& tensor = tensors[i];
      const auto& first = k == 0 ? tensor : columns[i].front();
      if (!agree(tensor, first, lengths_may_differ)) {
        throw DataError(c10::str("Tensor ", i, " of sample ", k, " of a batch is ", form_of(tensor),
                                 ", and that of the first is ", form_of(first),
                                 "; expected one type on the CPU, and ",
                                 lengths_may_differ ? "shapes that differ in their first dimension "
                                                      "alone."
                                                    : "equal shapes, or the policy Pad."));
      }
      columns[i].push_back(plain_values(tensor.detach()));
    }
  }
  return columns;
}

/// [N, longest, ...] of tensors [length, ...], with `fill` behind the shorter ones; [N] of [].
/// Throws DataError for a fill that the type cannot hold. Plain loops: ATen would take threads.
inline at::Tensor joined(const Column& column, double fill) {
  const auto& first = column.front();
  auto sizes = first.sizes().vec();
  for (const auto& tensor : column) {
    if (!sizes.empty()) sizes[0] = std::max(sizes[0], tensor.size(0));
  }
  sizes.insert(sizes.begin(), static_cast<std::int64_t>(column.size()));
  auto joined = at::empty(sizes, first.options());
  const auto value = at::scalar_tensor(fill, at::kDouble).to(first.scalar_type());
  if (at::isIntegralType(first.scalar_type(), true) && value.item<double>() != fill) {
    throw DataError(c10::str("Padding with ", fill, " was asked for tensors of type ",
                             first.scalar_type(), "; expected a value that the type can hold."));
  }
  const auto width = value.nbytes();
  const auto slot = joined.nbytes() / column.size();
  auto* to = static_cast<char*>(joined.mutable_data_ptr());
  for (const auto& tensor : column) {
    if (tensor.nbytes() > 0) std::memcpy(to, tensor.const_data_ptr(), tensor.nbytes());
    for (auto at = tensor.nbytes(); at < slot; at += width) {
      std::memcpy(to + at, value.const_data_ptr(), width);
    }
    to += slot;
  }
  return joined;
}

/// The form of a sample with a batch of each tensor in its place; `fill(i, is_target)` is for
/// tensor i. What it holds beside tensors is that of the first sample.
template <class S, class Fill>
S joined_samples(const std::vector<S>& samples, const std::vector<Column>& columns, Fill fill) {
  S all = samples.front();
  const at::Tensor* target = nullptr;
  if constexpr (HasTarget<S>) target = &all.target;
  std::size_t i = 0;
  visit_tensors(all, [&](at::Tensor& tensor) {
    tensor = joined(columns[i], fill(i, &tensor == target));
    ++i;
  });
  return all;
}

}  // namespace gradus::data::detail
