/// The building block of small residual networks: two convolutions and a shortcut around them.
#pragma once

#include <torch/nn/module.h>
#include <torch/nn/modules/batchnorm.h>
#include <torch/nn/modules/conv.h>
#include <torch/nn/pimpl.h>

#include <cstdint>

namespace gradus {

/// [N, C, H, W] -> [N, C', H / stride, W / stride]. Post-activation basic block of He et al. 2016a,
/// figure 2, with a projection (option B) where the shape changes.
struct BasicBlockImpl : torch::nn::Module {
  torch::nn::Conv2d conv1{nullptr}, conv2{nullptr}, projection{nullptr};
  torch::nn::BatchNorm2d norm1{nullptr}, norm2{nullptr}, projection_norm{nullptr};

  BasicBlockImpl(std::int64_t in_channels, std::int64_t channels, std::int64_t stride) {
    const auto convolution = [](std::int64_t from, std::int64_t to, std::int64_t side,
                                std::int64_t step) {
      return torch::nn::Conv2d(torch::nn::Conv2dOptions(from, to, side)
                                   .stride(step)
                                   .padding((side - 1) / 2)
                                   .bias(false));
    };
    conv1 = register_module("conv1", convolution(in_channels, channels, 3, stride));
    norm1 = register_module("norm1", torch::nn::BatchNorm2d(channels));
    conv2 = register_module("conv2", convolution(channels, channels, 3, 1));
    norm2 = register_module("norm2", torch::nn::BatchNorm2d(channels));
    if (stride != 1 || in_channels != channels) {
      projection = register_module("projection", convolution(in_channels, channels, 1, stride));
      projection_norm = register_module("projection_norm", torch::nn::BatchNorm2d(channels));
    }
  }

  at::Tensor forward(const at::Tensor& x) {
    const auto shortcut = projection.is_empty() ? x : projection_norm(projection(x));
    const auto inner = norm1(conv1(x)).relu_();
    return norm2(conv2(inner)).add_(shortcut).relu_();
  }
};
TORCH_MODULE(BasicBlock);

}  // namespace gradus
