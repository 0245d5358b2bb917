/// Gradients of `norm_relu`, in two passes.
#pragma once

#include <gradus/model/detail/channel_loops.hpp>
#include <gradus/model/detail/norm_passes.hpp>

#include <ATen/TensorOperators.h>
#include <ATen/core/Tensor.h>
#include <ATen/ops/empty_like.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

namespace gradus::detail {

/// `values` [C] for a period.
inline std::vector<float> repeated(const Walk& walk, const at::Tensor& values) {
  return walk.repeat(values.const_data_ptr<float>());
}

/// A norm in the forward pass: what it took and how it normalized.
struct NormRecord {
  at::Tensor x, weight;
  ChannelStatistics statistics;
  bool from_batch = true;
};

struct NormGradients {
  at::Tensor x, weight, bias;
};

/// The gradient of a norm's input as a linear function of the gradient of its output and of x,
/// [C] each, repeated for a period.
struct InputGradient {
  std::vector<float> of_gradient, of_x, constant;

  /// `of_passed` and `of_product` [C] are the sums of the output's gradient, and of it times x less
  /// its mean. Fills the gradients of weight and bias.
  InputGradient(const Walk& walk, const NormRecord& norm, const double* of_passed,
                const double* of_product, NormGradients& gradients) {
    gradients = {at::empty_like(norm.x), at::empty_like(norm.weight), at::empty_like(norm.weight)};
    const auto channels = static_cast<std::size_t>(walk.channels);
    std::vector<float> as(channels), bs(channels), ds(channels);
    const auto count = static_cast<double>(walk.size / walk.channels);
    const auto* inverse_std = norm.statistics.inverse_std.const_data_ptr<float>();
    const auto* mean = norm.statistics.mean.const_data_ptr<float>();
    const auto* gamma = norm.weight.const_data_ptr<float>();
    for (std::size_t c = 0; c < channels; ++c) {
      const double r = inverse_std[c];
      gradients.bias.mutable_data_ptr<float>()[c] = static_cast<float>(of_passed[c]);
      gradients.weight.mutable_data_ptr<float>()[c] = static_cast<float>(of_product[c] * r);
      const double a = gamma[c] * r;
      const double b = norm.from_batch ? -a * r * r * of_product[c] / count : 0;
      as[c] = static_cast<float>(a);
      bs[c] = static_cast<float>(b);
      ds[c] = static_cast<float>((norm.from_batch ? -a * of_passed[c] / count : 0) - b * mean[c]);
    }
    of_gradient = walk.repeat(as.data());
    of_x = walk.repeat(bs.data());
    constant = walk.repeat(ds.data());
  }
};

/// Of relu(norm(x) [+ shortcut]), of whose output's gradient `passed(i, c)` reaches relu's input.
/// Returns those of the norm and of the shortcut.
template <class T, class Passed>
std::pair<NormGradients, at::Tensor> norm_gradients(const Walk& walk, const NormRecord& norm,
                                                    bool has_shortcut, const Passed& passed) {
  const T* in = norm.x.const_data_ptr<T>();
  const auto means = repeated(walk, norm.statistics.mean);
  const float* mean = means.data();
  const auto sums =
      channel_sums<2>(walk, [=](std::int64_t i, std::int64_t c) __attribute__((always_inline)) {
        const float through = passed(i, c);
        return std::array{through, through * (load(in[i]) - mean[c])};
      });
  NormGradients gradients;
  const InputGradient of_input(walk, norm, sums.data(), sums.data() + walk.channels, gradients);
  const float* a = of_input.of_gradient.data();
  const float* b = of_input.of_x.data();
  const float* d = of_input.constant.data();
  T* dx = gradients.x.mutable_data_ptr<T>();
  at::Tensor shortcut;
  if (has_shortcut) {
    shortcut = at::empty_like(norm.x);
    T* passed_on = shortcut.mutable_data_ptr<T>();
    each_element(walk, [=](std::int64_t i, std::int64_t c) __attribute__((always_inline)) {
      const float through = passed(i, c);
      store(passed_on[i], through);
      store(dx[i], a[c] * through + b[c] * load(in[i]) + d[c]);
    });
  } else {
    each_element(walk, [=](std::int64_t i, std::int64_t c) __attribute__((always_inline)) {
      store(dx[i], a[c] * passed(i, c) + b[c] * load(in[i]) + d[c]);
    });
  }
  return {gradients, shortcut};
}

/// Of relu(norm(x) + shortcut), whose output `out` has gradient `gradient`.
template <class T>
std::pair<NormGradients, at::Tensor> norm_relu_backward(const Walk& walk,
                                                        const at::Tensor& gradient,
                                                        const NormRecord& norm,
                                                        const at::Tensor& out) {
  const T* dy = gradient.const_data_ptr<T>();
  const T* y = out.const_data_ptr<T>();
  return norm_gradients<T>(walk, norm, true,
                           [=](std::int64_t i, std::int64_t) __attribute__((always_inline)) {
                             return passed_by_relu(load(dy[i]), load(y[i]));
                           });
}

/// Of relu(norm(x)), which is relu(x * scale + offset): made again, which costs less than to read
/// it. There is no shortcut.
template <class T>
std::pair<NormGradients, at::Tensor> norm_relu_backward_again(const Walk& walk,
                                                              const at::Tensor& gradient,
                                                              const NormRecord& norm,
                                                              const at::Tensor& offset) {
  const T* dy = gradient.const_data_ptr<T>();
  const T* in = norm.x.const_data_ptr<T>();
  const auto scales = repeated(walk, norm.weight * norm.statistics.inverse_std);
  const auto offsets = repeated(walk, offset);
  const float *scale = scales.data(), *add = offsets.data();
  return norm_gradients<T>(walk, norm, false,
                           [=](std::int64_t i, std::int64_t c) __attribute__((always_inline)) {
                             return passed_by_relu(load(dy[i]), load(in[i]) * scale[c] + add[c]);
                           });
}

/// Of relu(norm(x) + other(shortcut)), which is relu(x * scale + shortcut * other_scale + offset):
/// those of both norms. Its output is made again, and the gradient of the sum is never written.
template <class T>
std::pair<NormGradients, NormGradients> norms_relu_backward(const Walk& walk,
                                                            const at::Tensor& gradient,
                                                            const NormRecord& norm,
                                                            const NormRecord& other,
                                                            const at::Tensor& offset) {
  const T* dy = gradient.const_data_ptr<T>();
  const T* in = norm.x.const_data_ptr<T>();
  const T* in_other = other.x.const_data_ptr<T>();
  const auto scales = repeated(walk, norm.weight * norm.statistics.inverse_std);
  const auto other_scales = repeated(walk, other.weight * other.statistics.inverse_std);
  const auto offsets = repeated(walk, offset);
  const float *scale = scales.data(), *other_scale = other_scales.data(), *add = offsets.data();
  const auto passed = [=](std::int64_t i, std::int64_t c) __attribute__((always_inline)) {
    return passed_by_relu(load(dy[i]),
                          load(in[i]) * scale[c] + (load(in_other[i]) * other_scale[c] + add[c]));
  };
  const auto means = repeated(walk, norm.statistics.mean);
  const auto other_means = repeated(walk, other.statistics.mean);
  const float* mean = means.data();
  const float* other_mean = other_means.data();
  const auto sums =
      channel_sums<3>(walk, [=](std::int64_t i, std::int64_t c) __attribute__((always_inline)) {
        const float through = passed(i, c);
        return std::array{through, through * (load(in[i]) - mean[c]),
                          through * (load(in_other[i]) - other_mean[c])};
      });
  std::pair<NormGradients, NormGradients> gradients;
  const InputGradient of_first(walk, norm, sums.data(), sums.data() + walk.channels,
                               gradients.first);
  const InputGradient of_second(walk, other, sums.data(), sums.data() + 2 * walk.channels,
                                gradients.second);
  const float* a = of_first.of_gradient.data();
  const float* b = of_first.of_x.data();
  const float* d = of_first.constant.data();
  const float* other_a = of_second.of_gradient.data();
  const float* other_b = of_second.of_x.data();
  const float* other_d = of_second.constant.data();
  T* dx = gradients.first.x.mutable_data_ptr<T>();
  T* dx_other = gradients.second.x.mutable_data_ptr<T>();
  each_element(walk, [=](std::int64_t i, std::int64_t c) __attribute__((always_inline)) {
    const float through = passed(i, c);
    store(dx[i], a[c] * through + b[c] * load(in[i]) + d[c]);
    store(dx_other[i], other_a[c] * through + other_b[c] * load(in_other[i]) + other_d[c]);
  });
  return gradients;
}

}  // namespace gradus::detail
