/// ResNet10 for small images: the reference network of the comparison.
#pragma once

#include <gradus/model/basic_block.hpp>
#include <gradus/model/detail/check_options.hpp>
#include <gradus/model/norm_relu.hpp>

#include <torch/nn/cloneable.h>
#include <torch/nn/modules/linear.h>

#include <array>
#include <cstdint>
#include <utility>

namespace gradus {

/// The sizes of a ResNet10.
struct ResNet10Options {
  std::int64_t width = 64;  ///< channels of stage 1; the others have 2, 4 and 8 times as many
  std::int64_t classes = 10;
  std::int64_t in_channels = 3;
};

/// [N, 3, H, W] -> [N, 10] class scores. CIFAR stem (3 x 3, stride 1), four stages of one basic
/// block (strides 1, 2, 2, 2), mean over the pixels, linear. At width 64: 4,903,242 parameters,
/// 253.4 M multiply-adds forward per 32 x 32 image. After He et al. 2016a, sections 4.1 and 4.2.
struct ResNet10Impl : torch::nn::Cloneable<ResNet10Impl> {
  static constexpr std::string_view model_name = "ResNet10";

  ResNet10Options options;
  torch::nn::Conv2d stem{nullptr};
  torch::nn::BatchNorm2d stem_norm{nullptr};
  BasicBlock stage1{nullptr}, stage2{nullptr}, stage3{nullptr}, stage4{nullptr};
  torch::nn::Linear head{nullptr};

  /// Throws ConfigurationError if a number is below 1.
  explicit ResNet10Impl(const ResNet10Options& given = {}) : options(given) {
    detail::check_options(model_name, {{"width", options.width},
                                       {"classes", options.classes},
                                       {"in_channels", options.in_channels}});
    reset();
  }

  /// Makes the layers again.
  void reset() override {
    const auto w = options.width;
    stem = register_module(
        "stem", torch::nn::Conv2d(
                    torch::nn::Conv2dOptions(options.in_channels, w, 3).padding(1).bias(false)));
    stem_norm = register_module("stem_norm", torch::nn::BatchNorm2d(w));
    stage1 = register_module("stage1", BasicBlock(w, w, 1));
    stage2 = register_module("stage2", BasicBlock(w, 2 * w, 2));
    stage3 = register_module("stage3", BasicBlock(2 * w, 4 * w, 2));
    stage4 = register_module("stage4", BasicBlock(4 * w, 8 * w, 2));
    head = register_module("head", torch::nn::Linear(8 * w, options.classes));
  }

  at::Tensor forward(const at::Tensor& images) {
    auto x = norm_relu(stem_norm, stem(images));
    x = stage4(stage3(stage2(stage1(x))));
    return head(x.mean({2, 3}));
  }

  /// The only two layers of one shape in an early stage, for `ShareEarlyLayer`.
  [[nodiscard]] std::pair<torch::nn::Conv2d, torch::nn::Conv2d> shareable_layers() const {
    return {stage1->conv1, stage1->conv2};
  }
  /// The 3 x 3 convolutions of the blocks, for `IdentityStart`.
  [[nodiscard]] std::array<torch::nn::Conv2d, 8> identity_layers() const {
    return {stage1->conv1, stage1->conv2, stage2->conv1, stage2->conv2,
            stage3->conv1, stage3->conv2, stage4->conv1, stage4->conv2};
  }
};
TORCH_MODULE(ResNet10);

}  // namespace gradus
