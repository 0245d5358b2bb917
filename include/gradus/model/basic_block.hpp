/// The building block of small residual networks: two convolutions and a shortcut around them.
#pragma once

#include <gradus/model/convolve.hpp>
#include <gradus/model/norm_relu.hpp>

#include <torch/nn/cloneable.h>
#include <torch/nn/modules/batchnorm.h>
#include <torch/nn/modules/conv.h>
#include <torch/nn/pimpl.h>

#include <cstdint>

namespace gradus {

/// [N, C, H, W] -> [N, C', H / stride, W / stride]. Post-activation basic block of He et al. 2016a,
/// figure 2, with a projection (option B) where the shape changes.
struct BasicBlockImpl : torch::nn::Cloneable<BasicBlockImpl> {
  torch::nn::Conv2d conv1{nullptr}, conv2{nullptr}, projection{nullptr};
  torch::nn::BatchNorm2d norm1{nullptr}, norm2{nullptr}, projection_norm{nullptr};

  BasicBlockImpl(std::int64_t in_channels, std::int64_t channels, std::int64_t stride)
      : in_channels_(in_channels), channels_(channels), stride_(stride) {
    reset();
  }

  /// Makes the layers again.
  void reset() override {
    const auto convolution = [](std::int64_t from, std::int64_t to, std::int64_t side,
                                std::int64_t step) {
      return torch::nn::Conv2d(torch::nn::Conv2dOptions(from, to, side)
                                   .stride(step)
                                   .padding((side - 1) / 2)
                                   .bias(false));
    };
    conv1 = register_module("conv1", convolution(in_channels_, channels_, 3, stride_));
    norm1 = register_module("norm1", torch::nn::BatchNorm2d(channels_));
    conv2 = register_module("conv2", convolution(channels_, channels_, 3, 1));
    norm2 = register_module("norm2", torch::nn::BatchNorm2d(channels_));
    if (stride_ != 1 || in_channels_ != channels_) {
      projection = register_module("projection", convolution(in_channels_, channels_, 1, stride_));
      projection_norm = register_module("projection_norm", torch::nn::BatchNorm2d(channels_));
    }
  }

  at::Tensor forward(const at::Tensor& x) {
    const auto [first, shortcut] = branches(conv1, projection, x);
    const auto inner = convolve(conv2, norm_relu(norm1, first));
    if (projection.is_empty()) return norm_relu(norm2, inner, shortcut);
    return norm_relu(norm2, inner, projection_norm, shortcut);
  }

 private:
  std::int64_t in_channels_, channels_, stride_;
};
TORCH_MODULE(BasicBlock);

}  // namespace gradus
