/// The passes of `norm_relu` on CUDA, where it has kernels.
#pragma once

#include <gradus/device/math_settings.hpp>
#include <gradus/kernel/norm_launches.hpp>
#include <gradus/kernel/norm_program.hpp>
#include <gradus/model/detail/norm_gradients.hpp>
#include <gradus/model/detail/norm_passes.hpp>

#include <ATen/core/Tensor.h>

namespace gradus::detail {

/// `x` is [N, C, H, W] with channels side by side, float32 or bfloat16.
inline bool has_cuda_passes(const at::Tensor& x) {
  return x.is_cuda() && fused_norms_allowed() && kernel::in_packs(x) &&
         kernel::norm_program(x) != nullptr;
}

inline kernel::NormLaunches<CudaProgram> cuda_passes(const at::Tensor& x) {
  return {*kernel::norm_program(x), x};
}

/// A gradient that may begin anywhere in memory, as the kernels take it.
inline at::Tensor aligned(const at::Tensor& gradient) {
  return kernel::in_packs(gradient) ? gradient : gradient.clone();
}

inline ChannelStatistics cuda_statistics(const at::Tensor& x, const NormCall& call) {
  const auto found =
      cuda_passes(x).statistics(x, call.eps, {call.running_mean, call.running_var, call.update});
  return {found.mean, found.inverse_std};
}

inline kernel::NormInput as_input(const NormRecord& norm, const at::Tensor& bias = {}) {
  return {norm.x,         norm.weight, bias, norm.statistics.mean, norm.statistics.inverse_std,
          norm.from_batch};
}

}  // namespace gradus::detail
