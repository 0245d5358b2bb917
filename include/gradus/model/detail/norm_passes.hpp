/// The passes of `norm_relu` over tensors whose channels lie side by side.
#pragma once

#include <gradus/model/detail/channel_loops.hpp>

#include <ATen/core/Tensor.h>
#include <ATen/ops/empty_like.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <vector>

namespace gradus::detail {

/// What a batch norm is to do in one call.
struct NormCall {
  at::Tensor running_mean, running_var;  ///< [C], float; changed if `update` > 0
  bool from_batch = true;                ///< whether to normalize by the batch's own statistics
  double update = 0;                     ///< weight of the batch in the running statistics
  double eps = 1e-5;
};

/// Of the channels of one batch, or of all before it.
struct ChannelStatistics {
  at::Tensor mean, inverse_std;  ///< [C], float
};

template <class T>
ChannelStatistics batch_statistics(const Walk& walk, const T* x, const NormCall& call) {
  // Sums of differences from the first pixel: no digits are lost where means are large.
  std::vector<float> first(static_cast<std::size_t>(walk.channels));
  for (std::int64_t c = 0; c < walk.channels; ++c) first[static_cast<std::size_t>(c)] = load(x[c]);
  const auto repeated = walk.repeat(first.data());
  const float* pivot = repeated.data();
  const auto sums = channel_sums<2>(
      walk, [x, pivot](std::int64_t i, std::int64_t c) __attribute__((always_inline)) {
        const float difference = load(x[i]) - pivot[c];
        return std::array{difference, difference * difference};
      });

  ChannelStatistics statistics{at::empty({walk.channels}), at::empty({walk.channels})};
  auto* mean = statistics.mean.mutable_data_ptr<float>();
  auto* inverse_std = statistics.inverse_std.mutable_data_ptr<float>();
  auto* running_mean = call.update > 0 ? call.running_mean.mutable_data_ptr<float>() : nullptr;
  auto* running_var = call.update > 0 ? call.running_var.mutable_data_ptr<float>() : nullptr;
  const auto count = static_cast<double>(walk.size / walk.channels);
  for (std::int64_t c = 0; c < walk.channels; ++c) {
    const double offset = sums[static_cast<std::size_t>(c)] / count;
    const double squares = sums[static_cast<std::size_t>(walk.channels + c)] / count;
    const double variance = std::max(squares - offset * offset, 0.0);
    const double centre = static_cast<double>(first[static_cast<std::size_t>(c)]) + offset;
    mean[c] = static_cast<float>(centre);
    inverse_std[c] = static_cast<float>(1 / std::sqrt(variance + call.eps));
    if (call.update <= 0) continue;
    const double unbiased = variance * count / (count - 1);
    running_mean[c] += static_cast<float>(call.update * (centre - running_mean[c]));
    running_var[c] += static_cast<float>(call.update * (unbiased - running_var[c]));
  }
  return statistics;
}

inline ChannelStatistics running_statistics(const NormCall& call) {
  return {call.running_mean, call.running_var.add(call.eps).rsqrt()};
}

/// relu(x * scale + offset [+ shortcut]), `scale` and `offset` [C].
template <class T>
at::Tensor scale_add_relu(const Walk& walk, const at::Tensor& x, const at::Tensor& scale,
                          const at::Tensor& offset, const at::Tensor& shortcut) {
  auto out = at::empty_like(x);
  const auto scales = walk.repeat(scale.const_data_ptr<float>());
  const auto offsets = walk.repeat(offset.const_data_ptr<float>());
  const T* in = x.const_data_ptr<T>();
  T* to = out.mutable_data_ptr<T>();
  const float* a = scales.data();
  const float* b = offsets.data();
  if (shortcut.defined()) {
    const T* other = shortcut.const_data_ptr<T>();
    each_element(walk, [=](std::int64_t i, std::int64_t c) __attribute__((always_inline)) {
      store(to[i], relu(load(in[i]) * a[c] + b[c] + load(other[i])));
    });
  } else {
    each_element(walk, [=](std::int64_t i, std::int64_t c) __attribute__((always_inline)) {
      store(to[i], relu(load(in[i]) * a[c] + b[c]));
    });
  }
  return out;
}

/// relu(x * scale + offset + other * other_scale + other_offset): the sum of two norms.
template <class T>
at::Tensor scale_sum_relu(const Walk& walk, const at::Tensor& x, const at::Tensor& scale,
                          const at::Tensor& other, const at::Tensor& other_scale,
                          const at::Tensor& offset) {
  auto out = at::empty_like(x);
  const auto scales = walk.repeat(scale.const_data_ptr<float>());
  const auto other_scales = walk.repeat(other_scale.const_data_ptr<float>());
  const auto offsets = walk.repeat(offset.const_data_ptr<float>());
  const T* in = x.const_data_ptr<T>();
  const T* in_other = other.const_data_ptr<T>();
  T* to = out.mutable_data_ptr<T>();
  const float* a = scales.data();
  const float* b = other_scales.data();
  const float* d = offsets.data();
  each_element(walk, [=](std::int64_t i, std::int64_t c) __attribute__((always_inline)) {
    store(to[i], relu(load(in[i]) * a[c] + (load(in_other[i]) * b[c] + d[c])));
  });
  return out;
}

}  // namespace gradus::detail
