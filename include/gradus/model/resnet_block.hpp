/// The blocks of ResNet18, 34 and 50, with the names of torchvision.
#pragma once

#include <gradus/model/convolve.hpp>
#include <gradus/model/norm_relu.hpp>

#include <ATen/core/grad_mode.h>
#include <torch/nn/cloneable.h>
#include <torch/nn/init.h>
#include <torch/nn/modules/batchnorm.h>
#include <torch/nn/modules/conv.h>
#include <torch/nn/pimpl.h>

#include <cstdint>

namespace gradus {

/// A projection where the shape changes: convolution "0" and norm "1".
struct DownsampleImpl : torch::nn::Cloneable<DownsampleImpl> {
  torch::nn::Conv2d convolution{nullptr};
  torch::nn::BatchNorm2d norm{nullptr};

  DownsampleImpl(std::int64_t in_channels, std::int64_t channels, std::int64_t stride)
      : in_channels_(in_channels), channels_(channels), stride_(stride) {
    reset();
  }

  /// Makes the layers again.
  void reset() override {
    convolution = register_module(
        "0", torch::nn::Conv2d(
                 torch::nn::Conv2dOptions(in_channels_, channels_, 1).stride(stride_).bias(false)));
    norm = register_module("1", torch::nn::BatchNorm2d(channels_));
  }

  at::Tensor forward(const at::Tensor& x) { return norm(convolve(convolution, x)); }

 private:
  std::int64_t in_channels_, channels_, stride_;
};
TORCH_MODULE(Downsample);

/// [N, C, H, W] -> [N, C', H / stride, W / stride]: two 3 x 3 convolutions and C' = channels, or,
/// as a bottleneck, 1 x 1, 3 x 3 and 1 x 1 ones and C' = 4 channels.
struct ResNetBlockImpl : torch::nn::Cloneable<ResNetBlockImpl> {
  torch::nn::Conv2d conv1{nullptr}, conv2{nullptr}, conv3{nullptr};
  torch::nn::BatchNorm2d bn1{nullptr}, bn2{nullptr}, bn3{nullptr};
  Downsample downsample{nullptr};

  ResNetBlockImpl(std::int64_t in_channels, std::int64_t channels, std::int64_t stride,
                  bool bottleneck)
      : in_channels_(in_channels), channels_(channels), stride_(stride), bottleneck_(bottleneck) {
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
    const std::int64_t first = bottleneck_ ? 1 : 3;
    const auto out = channels_ * (bottleneck_ ? 4 : 1);
    conv1 = register_module("conv1",
                            convolution(in_channels_, channels_, first, bottleneck_ ? 1 : stride_));
    bn1 = register_module("bn1", torch::nn::BatchNorm2d(channels_));
    conv2 =
        register_module("conv2", convolution(channels_, channels_, 3, bottleneck_ ? stride_ : 1));
    bn2 = register_module("bn2", torch::nn::BatchNorm2d(channels_));
    if (bottleneck_) {
      conv3 = register_module("conv3", convolution(channels_, out, 1, 1));
      bn3 = register_module("bn3", torch::nn::BatchNorm2d(out));
    }
    if (stride_ != 1 || in_channels_ != out) {
      downsample = register_module("downsample", Downsample(in_channels_, out, stride_));
    }
  }

  at::Tensor forward(const at::Tensor& x) {
    torch::nn::Conv2d none{nullptr};
    const auto [first, shortcut] =
        branches(conv1, downsample.is_empty() ? none : downsample->convolution, x);
    auto inner = convolve(conv2, norm_relu(bn1, first));
    if (bottleneck_) inner = convolve(conv3, norm_relu(bn2, inner));
    auto& norm = bottleneck_ ? bn3 : bn2;
    if (downsample.is_empty()) return norm_relu(norm, inner, shortcut);
    return norm_relu(norm, inner, downsample->norm, shortcut);
  }

 private:
  std::int64_t in_channels_, channels_, stride_;
  bool bottleneck_;
};
TORCH_MODULE(ResNetBlock);

/// Starts each convolution of a model from He et al. 2015, by its outputs.
inline void start_convolutions(torch::nn::Module& model) {
  const at::NoGradGuard no_grad;
  for (const auto& part : model.modules(/*include_self=*/false)) {
    if (auto* convolution = part->as<torch::nn::Conv2dImpl>()) {
      torch::nn::init::kaiming_normal_(convolution->weight, 0, torch::kFanOut, torch::kReLU);
    }
  }
}

}  // namespace gradus
