// Models that are exported: those that gradus ships, and others for what these do not have.
#pragma once

#include <gradus/export/export_onnx.hpp>
#include <gradus/model/gpt.hpp>
#include <gradus/model/resnet.hpp>
#include <gradus/model/resnet10.hpp>

#include <torch/torch.h>

#include <cmath>
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

/// What is easily written as something else: [N, 6] -> [N, 6] and [N, 5].
struct CornersImpl : torch::nn::Module {
  torch::nn::Linear layer = register_module("layer", torch::nn::Linear(6, 6));
  std::tuple<at::Tensor, at::Tensor> forward(at::Tensor x) {
    x.relu_();  // the input itself, before anything else
    auto factor = torch::ones({6});
    auto y = x * factor;
    factor.mul_(2);  // a constant has been read before it is written
    y = y + x * factor + torch::zeros({x.size(0), 6}).add_(0.5);
    y = (1 - y) * (1 / (y + 3)) + torch::full({6, 6}, 0.5).triu_(1).sum(0);
    const auto ids = (x * 10).floor().to(torch::kLong);
    const auto few = ids.lt(2.5) * ids.ge(0.5) + ids.eq(7);
    y = torch::where(few, y, layer(y)).logical_or(few).to(torch::kFloat) + y;
    const auto at_once = torch::cat({y.narrow(1, -2, 2), ids.narrow(1, 0, 3)}, 1);
    const auto one = y.index_select(1, torch::scalar_tensor(3, torch::kLong));
    const auto bounds = torch::linspace(-1, 1, 6);
    y = torch::clamp(y + one, bounds, bounds + 1).gt_(0.2) + torch::round(y).numpy_T().t();
    return {y, at_once};
  }
};
TORCH_MODULE(Corners);

/// Windows: [N, 2, 9, 9] -> [N, 2].
struct WindowsImpl : torch::nn::Module {
  torch::nn::Conv2d wide = register_module(
      "wide",
      torch::nn::Conv2d(torch::nn::Conv2dOptions(2, 2, 2).padding(torch::kSame).dilation(2)));
  at::Tensor forward(const at::Tensor& x) {
    const auto y = torch::max_pool2d(wide(x), 3, 2, 1, 1, /*ceil_mode=*/true);
    const auto z = torch::max_pool2d(y, 2, 2, 0, 1, /*ceil_mode=*/true);
    return torch::avg_pool2d(z, 3, 1, 1).flatten(2).squeeze(-1).amax(-1);
  }
};
TORCH_MODULE(Windows);

/// Attention of [N, 2, 4, 8], of which some places see nothing.
struct MaskedImpl : torch::nn::Module {
  at::Tensor seen = register_buffer("seen", torch::ones({4, 4}, torch::kBool).tril(-1));
  at::Tensor forward(const at::Tensor& x) {
    return torch::scaled_dot_product_attention(x, x, x, seen);
  }
};
TORCH_MODULE(Masked);

/// Images [N, 32, 32, 3] whose channels lie side by side because of the model -> [N, 10].
struct SidesLastImpl : torch::nn::Module {
  ResNet10 inner = register_module("inner", ResNet10(ResNet10Options{.width = 8}));
  at::Tensor forward(const at::Tensor& x) { return inner(x.permute({0, 3, 1, 2})); }
};
TORCH_MODULE(SidesLast);

/// Numbers that are true, false or no number, and what is not equal: [N, 4] -> [N, 4].
struct FlagsImpl : torch::nn::Module {
  at::Tensor forward(const at::Tensor& x) {
    const auto high = x > 0.5;
    const auto low = at::where(x < -0.5, true, high) == false;
    const auto none = at::full({x.size(0), 4}, true, at::kBool).masked_fill(high, false);
    const auto unknown = x.masked_fill(high & true, std::nan(""));
    return low.to(at::kFloat) + none.ne(low).to(at::kFloat) * 2 + (unknown != unknown) * 4 +
           x.ne(x.relu()) * 8;
  }
};
TORCH_MODULE(Flags);

/// All ways to pad that modules have: images [N, 3, 8, 8] -> [N, 3, 15, 14].
struct PaddedImpl : torch::nn::Module {
  torch::nn::Conv2d reflects = register_module(
      "reflects", torch::nn::Conv2d(
                      torch::nn::Conv2dOptions(3, 3, 3).padding(1).padding_mode(torch::kReflect)));
  torch::nn::ReplicationPad2d repeats{torch::nn::ReplicationPad2dOptions({1, 2, 0, 3})};
  torch::nn::ConstantPad2d fills{torch::nn::ConstantPad2dOptions({1, 1, 2, 0}, 0.5)};
  torch::nn::ZeroPad2d zeros{torch::nn::ZeroPad2dOptions({0, 1, 1, 1})};
  at::Tensor forward(const at::Tensor& x) { return zeros(fills(repeats(reflects(x)))); }
};
TORCH_MODULE(Padded);

/// What the first pass makes and keeps, a table that it fills, one that is filled by its pointer, a
/// buffer that counts passes, a tensor that is kept for a number of samples, and lists that begin
/// empty: [N, 4] -> [N, 4].
struct FirstPassImpl : torch::nn::Module {
  at::Tensor seen = register_buffer("seen", torch::zeros({1}));
  at::Tensor table = register_buffer("table", torch::zeros({4}));
  at::Tensor mask, offset;
  at::Tensor forward(const at::Tensor& x) {
    if (!mask.defined()) {
      mask = at::ones({4, 4}).tril();
      table.copy_(at::linspace(1, 2, 4));
    }
    if (!offset.defined() || offset.size(0) != x.size(0)) offset = torch::zeros({x.size(0), 4});
    auto sides = torch::empty({x.size(0), 0});
    for (int i = 0; i < 4; ++i) sides = torch::cat({sides, x.narrow(1, i, 1)}, 1);
    const auto samples = torch::cat({torch::empty({0, 4}), sides});
    auto steps = at::empty({4});
    for (int i = 0; i < 4; ++i) steps.mutable_data_ptr<float>()[i] = static_cast<float>(i);
    seen.add_(1);
    return samples.matmul(mask) * table + steps + offset;
  }
};
TORCH_MODULE(FirstPass);

/// Two inputs, [N, 4] and ids [N, 3].
struct PairImpl : torch::nn::Module {
  torch::nn::Embedding table = register_module("table", torch::nn::Embedding(10, 4));
  at::Tensor forward(const at::Tensor& x, const at::Tensor& ids) {
    return torch::gelu(table(ids).sum(1) * x, "tanh");
  }
};
TORCH_MODULE(Pair);

}  // namespace gradus::test
