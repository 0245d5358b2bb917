/// A network for few seconds of training: what `Record` trains.
#pragma once

#include <gradus/data/image_dataset.hpp>

#include <ATen/TensorOperators.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/gelu.h>
#include <ATen/ops/linalg_eigh.h>
#include <ATen/ops/matmul.h>
#include <ATen/ops/max_pool2d.h>
#include <torch/nn/cloneable.h>
#include <torch/nn/modules/batchnorm.h>
#include <torch/nn/modules/conv.h>
#include <torch/nn/modules/linear.h>
#include <torch/nn/pimpl.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <numeric>
#include <string_view>
#include <vector>

namespace cifar10 {

/// A norm whose scales stay at 1, so that the convolution before it has no scale of its own to
/// learn, and whose running statistics follow the last two batches.
inline torch::nn::BatchNorm2d shifting_norm(std::int64_t channels) {
  torch::nn::BatchNorm2d norm(torch::nn::BatchNorm2dOptions(channels).momentum(0.4).eps(1e-5));
  norm->weight.requires_grad_(false);
  return norm;
}

/// [N, C, H, W] -> [N, C', H / 2, W / 2]: convolution, pooling, norm, GELU; convolution, norm,
/// GELU.
struct SpeedBlockImpl : torch::nn::Cloneable<SpeedBlockImpl> {
  torch::nn::Conv2d conv1{nullptr}, conv2{nullptr};
  torch::nn::BatchNorm2d norm1{nullptr}, norm2{nullptr};

  SpeedBlockImpl(std::int64_t in_channels, std::int64_t channels)
      : in_channels_(in_channels), channels_(channels) {
    reset();
  }

  /// Makes the layers again.
  void reset() override {
    const auto convolution = [&](std::int64_t from) {
      return torch::nn::Conv2d(torch::nn::Conv2dOptions(from, channels_, 3).padding(1).bias(false));
    };
    conv1 = register_module("conv1", convolution(in_channels_));
    norm1 = register_module("norm1", shifting_norm(channels_));
    conv2 = register_module("conv2", convolution(channels_));
    norm2 = register_module("norm2", shifting_norm(channels_));
  }

  at::Tensor forward(const at::Tensor& images) {
    const auto x = at::gelu(norm1(at::max_pool2d(conv1(images), {2, 2})));
    return at::gelu(norm2(conv2(x)));
  }

 private:
  std::int64_t in_channels_, channels_;
};
TORCH_MODULE(SpeedBlock);

struct SpeedNetOptions {
  std::int64_t width = 64;  ///< channels of block 1; the others have 4 times as many
  std::int64_t classes = 10;
};

/// [N, 3, H, W] -> [N, 10] class scores: a convolution that whitens patches of 2 x 2 pixels, three
/// blocks, the largest of the last pixels, linear, over the number of channels. At width 64:
/// 1,972,792 parameters, 118 M multiply-adds forward per 32 x 32 image. Source: Jordan 2024, "94%
/// on CIFAR-10 in 3.29 Seconds on a Single GPU", section 3, and his airbench94_muon.py.
struct SpeedNetImpl : torch::nn::Cloneable<SpeedNetImpl> {
  static constexpr std::string_view model_name = "SpeedNet";
  static constexpr std::int64_t patch = 2;  ///< pixels of a side
  static constexpr std::int64_t colours = 3;

  SpeedNetOptions options;
  torch::nn::Conv2d whiten{nullptr};
  SpeedBlock block1{nullptr}, block2{nullptr}, block3{nullptr};
  torch::nn::Linear head{nullptr};

  explicit SpeedNetImpl(const SpeedNetOptions& given = {}) : options(given) { reset(); }

  /// Makes the layers again.
  void reset() override {
    const auto components = patch * patch * colours;
    const auto w = options.width;
    whiten = register_module(
        "whiten",
        torch::nn::Conv2d(torch::nn::Conv2dOptions(colours, 2 * components, patch).bias(true)));
    whiten->weight.requires_grad_(false);
    block1 = register_module("block1", SpeedBlock(2 * components, w));
    block2 = register_module("block2", SpeedBlock(w, 4 * w));
    block3 = register_module("block3", SpeedBlock(4 * w, 4 * w));
    head = register_module(
        "head", torch::nn::Linear(torch::nn::LinearOptions(4 * w, options.classes).bias(false)));
    const at::NoGradGuard no_grad;
    head->weight.div_(head->weight.square().mean().sqrt());  // `std` would be read by the host
  }

  at::Tensor forward(const at::Tensor& images) {
    auto x = block3(block2(block1(at::gelu(whiten(images)))));
    x = at::max_pool2d(x, {x.size(2), x.size(3)}).flatten(1);
    return head(x) / static_cast<double>(x.size(1));
  }

  /// The first layer's filters become the principal components of patches of the first 5,000
  /// images, each over its standard deviation, and their negatives. It is not trained.
  void start_from(const gradus::data::ImageDataset& train) {
    constexpr std::int64_t images = 5000;
    constexpr double least_variance = 5e-4;
    std::vector<std::int64_t> first(
        static_cast<std::size_t>(std::min<std::int64_t>(images, train.size())));
    std::iota(first.begin(), first.end(), 0);
    const at::NoGradGuard no_grad;
    const auto patches = train.batch(first)
                             .input.unfold(2, patch, 1)
                             .unfold(3, patch, 1)
                             .permute({0, 2, 3, 1, 4, 5})
                             .reshape({-1, colours * patch * patch})
                             .to(at::kDouble);
    const auto covariance = at::matmul(patches.t(), patches) / patches.size(0);
    const auto [variances, components] = at::linalg_eigh(covariance);
    const auto filters =
        (components / (variances + least_variance).sqrt()).t().flip(0);  // the largest first
    whiten->weight.copy_(at::cat(std::vector<at::Tensor>{filters, -filters})
                             .reshape({-1, colours, patch, patch})
                             .to(at::kFloat));
    whiten->bias.zero_();
  }

  /// The 3 x 3 convolutions, for `IdentityStart`.
  [[nodiscard]] std::array<torch::nn::Conv2d, 6> identity_layers() const {
    return {block1->conv1, block1->conv2, block2->conv1,
            block2->conv2, block3->conv1, block3->conv2};
  }
};
TORCH_MODULE(SpeedNet);

}  // namespace cifar10
