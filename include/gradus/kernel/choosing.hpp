/// What models ask of the kernels that are in force in their thread.
#pragma once

#include <ATen/core/Tensor.h>

#include <optional>

namespace torch::nn {
class Conv2dImpl;
}

namespace gradus::kernel {

/// Of a residual block: its first convolution, and what goes around it.
struct Branches {
  at::Tensor inner, shortcut;
};

/// What a ConvolutionScope does for models.
struct ConvolutionKernels {
  /// `first(x)` and `projection(x)`, or x itself where `projection` is null, such that the
  /// gradients of x are summed in place; nothing if these kernels do not serve them.
  std::optional<Branches> (*branches)(const at::Tensor& x, torch::nn::Conv2dImpl& first,
                                      torch::nn::Conv2dImpl* projection);
};

/// Those of this thread, or null.
inline const ConvolutionKernels*& convolution_kernels() {
  thread_local const ConvolutionKernels* kernels = nullptr;
  return kernels;
}

}  // namespace gradus::kernel
