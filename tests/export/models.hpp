// Models that are exported: those that gradus ships, and others for what these do not have.
#pragma once

#include <gradus/export/export_onnx.hpp>
#include <gradus/model/gpt.hpp>
#include <gradus/model/resnet.hpp>
#include <gradus/model/resnet10.hpp>

#include <torch/torch.h>

#include <cstdint>
#include <tuple>

namespace gradus::test {

/// Whatever layers LibTorch has: images [N, 3, 16, 16] -> [N, 5].
struct LayersImpl : torch::nn::Module {
  torch::nn::Conv2d grouped = register_module(
      "grouped",
      torch::nn::Conv2d(torch::nn::Conv2dOptions(3, 6, 3).groups(3).padding(1).dilation(1)));
  torch::nn::Conv2d same = register_module(
      "same", torch::nn::Conv2d(torch::nn::Conv2dOptions(6, 6, 3).padding(torch::kSame)));
  torch::nn::ConvTranspose2d up = register_module(
      "up", torch::nn::ConvTranspose2d(
                torch::nn::ConvTranspose2dOptions(6, 4, 3).stride(2).padding(1).output_padding(1)));
  torch::nn::GroupNorm groups = register_module("groups", torch::nn::GroupNorm(2, 4));
  torch::nn::InstanceNorm2d each = register_module("each", torch::nn::InstanceNorm2d(4));
  torch::nn::Dropout drop = register_module("drop", torch::nn::Dropout(0.5));
  torch::nn::Linear head = register_module("head", torch::nn::Linear(4 * 8 * 8, 5));
  at::Tensor offset = register_buffer("offset", torch::randn({4, 1, 1}));

  at::Tensor forward(const at::Tensor& x) {
    auto y = torch::nn::functional::silu(same(torch::leaky_relu(grouped(x), 0.1)));
    y = torch::elu(groups(up(y)));
    y = torch::avg_pool2d(torch::max_pool2d(y, 2), 2, 2, 0, false, false);
    y = torch::pad(y + offset, {1, 1, 1, 1});
    y = torch::hardtanh(y.narrow(2, 1, 8).slice(3, 1, 9), -2, 2);
    y = torch::where(y > 0, y, y * 0.5).clamp_min(-1);
    const auto weight = torch::sigmoid(y.mean({2, 3}, true)) / (y.abs().amax({2, 3}, true) + 1);
    y.mul_(weight).sub_(0.25, 2);
    return torch::log_softmax(head(drop(y.flatten(1))), 1);
  }
};
TORCH_MODULE(Layers);

/// Tokens with one that all samples share in front: [N, 7, 8] -> ([N, 8], [N, 8, 8]).
struct TokensImpl : torch::nn::Module {
  at::Tensor first = register_parameter("first", torch::randn({1, 1, 8}));
  torch::nn::Linear in =
      register_module("in", torch::nn::Linear(torch::nn::LinearOptions(8, 24).bias(false)));
  torch::nn::LayerNorm norm =
      register_module("norm", torch::nn::LayerNorm(torch::nn::LayerNormOptions({8})));

  std::tuple<at::Tensor, at::Tensor> forward(const at::Tensor& x) {
    const auto samples = x.size(0);
    const auto all = torch::cat({first.expand({samples, -1, -1}), x}, 1);
    const auto parts = in(norm(all)).view({samples, 8, 3, 2, 4}).permute({2, 0, 3, 1, 4}).unbind(0);
    const auto scores = torch::softmax(parts[0].matmul(parts[1].transpose(-2, -1)) / 2.0, -1);
    const auto seen = scores.matmul(parts[2]).transpose(1, 2).reshape({samples * 8, 8});
    const auto rows = seen.view({samples, 8, 8}) + torch::zeros({samples, 1, 8});
    return {rows.select(1, 0), torch::stack({rows, rows}, 1).sum(1)};
  }
};
TORCH_MODULE(Tokens);

/// Two inputs, [N, 4] and ids [N, 3].
struct PairImpl : torch::nn::Module {
  torch::nn::Embedding table = register_module("table", torch::nn::Embedding(10, 4));
  at::Tensor forward(const at::Tensor& x, const at::Tensor& ids) {
    return torch::gelu(table(ids).sum(1) * x, "tanh");
  }
};
TORCH_MODULE(Pair);

}  // namespace gradus::test
