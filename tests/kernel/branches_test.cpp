// The branches of a residual block in a ConvolutionScope, against two calls of LibTorch's.
#include "../catch.hpp"
#include "problem.hpp"
#include <gradus/kernel/convolution.hpp>
#include <gradus/kernel/convolution_scope.hpp>
#include <gradus/model/convolve.hpp>

#include <ATen/autocast_mode.h>
#include <torch/torch.h>

#include <cstdint>
#include <optional>
#include <vector>

using namespace gradus;
using namespace test;
using torch::nn::Conv2d;
using torch::nn::Conv2dOptions;

namespace {

Conv2d layer_of(std::int64_t from, std::int64_t to, std::int64_t taps, std::int64_t stride) {
  return Conv2d(Conv2dOptions(from, to, taps).stride(stride).padding(taps / 2).bias(false));
}

struct Block {
  Conv2d first, projection{nullptr};
  bool projects = false;

  Block(std::int64_t from, std::int64_t to, std::int64_t stride, bool with_projection)
      : first(layer_of(from, to, 3, stride)), projects(with_projection) {
    if (projects) projection = layer_of(from, to, 1, stride);
  }
  [[nodiscard]] std::vector<at::Tensor> weights() {
    return projects ? std::vector{first->weight, projection->weight} : std::vector{first->weight};
  }
};

/// Outputs, and gradients of x and of the weights that need one.
std::vector<at::Tensor> outcome(Block& block, const at::Tensor& x,
                                std::optional<ConvolutionWay> way, bool x_needs = true) {
  const auto input = x.detach().clone().requires_grad_(x_needs);
  kernel::Branches made;
  {
    std::optional<ConvolutionScope> scope;
    if (way) {
      scope.emplace(convolution_choices(ConvolutionChoices::Rule::pinned, *way));
    }
    made = branches(block.first, block.projection, input);
  }
  std::vector<at::Tensor> wanted;
  if (x_needs) wanted.push_back(input);
  for (const auto& weight : block.weights()) {
    if (weight.requires_grad()) wanted.push_back(weight);
  }
  const auto loss = made.inner.square().sum() + (made.shortcut * 2).sin().sum();
  auto results = torch::autograd::grad({loss}, wanted);
  results.push_back(made.inner.detach());
  results.push_back(made.shortcut.detach());
  return results;
}

void check_near(const std::vector<at::Tensor>& own, const std::vector<at::Tensor>& theirs,
                double bound) {
  CATCH_REQUIRE(own.size() == theirs.size());
  for (std::size_t i = 0; i < own.size(); ++i) {
    CATCH_INFO("result " << i);
    CATCH_CHECK(own[i].sizes() == theirs[i].sizes());
    CATCH_CHECK((own[i] - theirs[i]).norm().item<double>() <=
                bound * theirs[i].norm().item<double>());
  }
}

constexpr auto ways = {ConvolutionWay::library, ConvolutionWay::product,
                       ConvolutionWay::small_tiles, ConvolutionWay::large_tiles};

}  // namespace

CATCH_TEST_CASE("branches are two convolutions of one input, in every way and order of memory") {
  torch::manual_seed(1);
  for (const bool inside : {true, false}) {
    for (const auto way : ways) {
      for (auto block : {Block(16, 16, 1, false), Block(16, 32, 2, true), Block(5, 7, 1, true),
                         Block(5, 5, 1, false), Block(20, 9, 3, true)}) {
        const auto channels = block.first->options.in_channels();
        CATCH_INFO(way << ", " << channels << " channels" << (block.projects ? ", projection" : "")
                       << (inside ? ", channels inside" : ""));
        auto x = torch::randn({3, channels, 8, 7});
        if (inside) x = channels_inside(x);
        check_near(outcome(block, x, way), outcome(block, x, std::nullopt), 1e-5);
      }
    }
  }
}

CATCH_TEST_CASE("branches in bfloat16 are as near to float64 as two convolutions are") {
  torch::manual_seed(6);
  const auto in_type = [](Block block, at::ScalarType type) {
    Block other(block.first->options.in_channels(), block.first->options.out_channels(),
                block.first->options.stride()->front(), block.projects);
    const auto from = block.weights(), to = other.weights();
    for (std::size_t i = 0; i < to.size(); ++i) to[i].set_data(from[i].detach().to(type));
    return other;
  };
  for (const bool inside : {true, false}) {
    for (auto made : {Block(16, 32, 2, true), Block(21, 8, 2, true), Block(16, 16, 1, false)}) {
      auto block = in_type(made, at::kBFloat16);
      auto exact_block = in_type(block, at::kDouble);
      auto x = torch::randn({24, block.first->options.in_channels(), 7, 8}).to(at::kBFloat16);
      if (inside) x = channels_inside(x);
      const auto own = outcome(block, x, ConvolutionWay::product);
      const auto theirs = outcome(block, x, std::nullopt);
      const auto exact = outcome(exact_block, x.to(at::kDouble), std::nullopt);
      for (std::size_t i = 0; i < exact.size(); ++i) {
        CATCH_INFO("result " << i);
        const auto error = [&](const at::Tensor& of) {
          return (of.to(at::kDouble) - exact[i]).norm().item<double>();
        };
        CATCH_CHECK(error(own[i]) <= 1.2 * error(theirs[i]));
      }
    }
  }
}

CATCH_TEST_CASE("branches compute no gradient that nobody needs") {
  torch::manual_seed(2);
  Block block(16, 32, 2, true);
  const auto x = channels_inside(torch::randn({2, 16, 8, 8}));
  check_near(outcome(block, x, ConvolutionWay::large_tiles, /*x_needs=*/false),
             outcome(block, x, std::nullopt, /*x_needs=*/false), 1e-5);
  block.projection->weight.requires_grad_(false);
  check_near(outcome(block, x, ConvolutionWay::large_tiles), outcome(block, x, std::nullopt), 1e-5);
  block.first->weight.requires_grad_(false);
  check_near(outcome(block, x, ConvolutionWay::large_tiles), outcome(block, x, std::nullopt), 1e-5);
}

CATCH_TEST_CASE("branches can be differentiated twice") {
  torch::manual_seed(3);
  for (const bool projects : {true, false}) {
    Block block(6, projects ? 9 : 6, 1, projects);
    const auto x = torch::randn({2, 6, 6, 6});
    const auto of = [&](bool in_scope) {
      const auto input = x.detach().clone().requires_grad_();
      std::optional<ConvolutionScope> scope;
      if (in_scope) {
        scope.emplace(
            convolution_choices(ConvolutionChoices::Rule::pinned, ConvolutionWay::large_tiles));
      }
      const auto made = branches(block.first, block.projection, input);
      const auto loss = made.inner.square().sum() + made.shortcut.sin().sum();
      const auto first = torch::autograd::grad({loss}, {input}, {}, std::nullopt, true)[0];
      return torch::autograd::grad({first.square().sum()}, {input, block.first->weight});
    };
    check_near(of(true), of(false), 1e-4);
  }
}

CATCH_TEST_CASE("under autocast what goes around a block is not cast") {
  torch::manual_seed(4);
  Block block(8, 8, 1, false);
  const auto x = channels_inside(torch::randn({2, 8, 6, 6})).requires_grad_();
  at::autocast::set_autocast_dtype(at::kCPU, at::kBFloat16);
  at::autocast::set_autocast_enabled(at::kCPU, true);
  kernel::Branches made;
  {
    const ConvolutionScope scope(
        convolution_choices(ConvolutionChoices::Rule::pinned, ConvolutionWay::product));
    made = branches(block.first, block.projection, x);
  }
  at::autocast::set_autocast_enabled(at::kCPU, false);
  at::autocast::clear_cache();
  CATCH_CHECK(made.inner.scalar_type() == at::kBFloat16);
  CATCH_CHECK(made.shortcut.scalar_type() == at::kFloat);
}
