/// ResNet18, 34 and 50 with the names of torchvision, so that weights saved in Python load.
#pragma once

#include <gradus/model/detail/check_options.hpp>
#include <gradus/model/resnet_block.hpp>

#include <ATen/ops/max_pool2d.h>
#include <torch/nn/cloneable.h>
#include <torch/nn/modules/linear.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <string>
#include <vector>

namespace gradus {

/// The sizes of a ResNet. The defaults are those of ResNet18 for ImageNet.
struct ResNetOptions {
  std::array<std::int64_t, 4> blocks{2, 2, 2, 2};  ///< of each stage
  bool bottleneck = false;                         ///< three convolutions a block, 4 times as wide
  std::int64_t classes = 1000;
  std::int64_t width = 64;    ///< channels of the first stage
  bool small_images = false;  ///< a stem of 3 x 3 and no pooling, for 32 x 32 pixels
};

/// One stage: blocks "0", "1", ...
struct ResNetStageImpl : torch::nn::Cloneable<ResNetStageImpl> {
  ResNetStageImpl(std::int64_t in_channels, std::int64_t channels, std::int64_t stride,
                  std::int64_t blocks, bool bottleneck)
      : in_channels_(in_channels),
        channels_(channels),
        stride_(stride),
        count_(blocks),
        bottleneck_(bottleneck) {
    reset();
  }

  /// Makes the layers again.
  void reset() override {
    blocks_.clear();
    for (std::int64_t k = 0; k < count_; ++k) {
      const auto from = k == 0 ? in_channels_ : channels_ * (bottleneck_ ? 4 : 1);
      blocks_.push_back(register_module(
          std::to_string(k), ResNetBlock(from, channels_, k == 0 ? stride_ : 1, bottleneck_)));
    }
  }

  at::Tensor forward(at::Tensor x) {
    for (auto& block : blocks_) x = block(x);
    return x;
  }

 private:
  std::int64_t in_channels_, channels_, stride_, count_;
  bool bottleneck_;
  std::vector<ResNetBlock> blocks_;
};
TORCH_MODULE(ResNetStage);

/// [N, 3, H, W] -> [N, classes] scores. He et al. 2016a, table 1, with the strides of torchvision:
/// those of a bottleneck are in its middle convolution.
struct ResNetImpl : torch::nn::Cloneable<ResNetImpl> {
  static constexpr std::string_view model_name = "ResNet";

  ResNetOptions options;
  torch::nn::Conv2d conv1{nullptr};
  torch::nn::BatchNorm2d bn1{nullptr};
  ResNetStage layer1{nullptr}, layer2{nullptr}, layer3{nullptr}, layer4{nullptr};
  torch::nn::Linear fc{nullptr};

  /// Throws ConfigurationError if a number is below 1.
  explicit ResNetImpl(const ResNetOptions& given = {}) : options(given) {
    const auto fewest = *std::min_element(options.blocks.begin(), options.blocks.end());
    detail::check_options(
        model_name,
        {{"classes", options.classes}, {"width", options.width}, {"blocks of a stage", fewest}});
    reset();
  }

  /// Makes the layers again. Convolutions as He et al. 2015 start them, as torchvision does.
  void reset() override {
    const auto w = options.width;
    const bool small = options.small_images;
    conv1 = register_module("conv1", torch::nn::Conv2d(torch::nn::Conv2dOptions(3, w, small ? 3 : 7)
                                                           .stride(small ? 1 : 2)
                                                           .padding(small ? 1 : 3)
                                                           .bias(false)));
    bn1 = register_module("bn1", torch::nn::BatchNorm2d(w));
    const std::int64_t wide = options.bottleneck ? 4 : 1;
    const auto stage = [&](std::size_t k, std::int64_t from, std::int64_t to, std::int64_t stride) {
      return register_module("layer" + std::to_string(k + 1),
                             ResNetStage(from, to, stride, options.blocks[k], options.bottleneck));
    };
    layer1 = stage(0, w, w, 1);
    layer2 = stage(1, w * wide, 2 * w, 2);
    layer3 = stage(2, 2 * w * wide, 4 * w, 2);
    layer4 = stage(3, 4 * w * wide, 8 * w, 2);
    fc = register_module("fc", torch::nn::Linear(8 * w * wide, options.classes));
    start_convolutions(*this);
  }

  at::Tensor forward(const at::Tensor& images) {
    auto x = norm_relu(bn1, conv1(images));
    if (!options.small_images) x = at::max_pool2d(x, {3, 3}, {2, 2}, {1, 1});
    x = layer4(layer3(layer2(layer1(x))));
    return fc(x.mean({2, 3}));
  }
};
TORCH_MODULE(ResNet);

/// 11.7 M parameters with 1000 classes.
[[nodiscard]] inline ResNet resnet18(std::int64_t classes = 1000, bool small_images = false) {
  return ResNet(ResNetOptions{.classes = classes, .small_images = small_images});
}
/// 21.8 M parameters with 1000 classes.
[[nodiscard]] inline ResNet resnet34(std::int64_t classes = 1000, bool small_images = false) {
  return ResNet(
      ResNetOptions{.blocks = {3, 4, 6, 3}, .classes = classes, .small_images = small_images});
}
/// 25.6 M parameters with 1000 classes.
[[nodiscard]] inline ResNet resnet50(std::int64_t classes = 1000, bool small_images = false) {
  return ResNet(ResNetOptions{.blocks = {3, 4, 6, 3},
                              .bottleneck = true,
                              .classes = classes,
                              .small_images = small_images});
}

}  // namespace gradus
