#include "catch.hpp"
#include <gradus/model/convolve.hpp>

#include <ATen/ATen.h>
#include <torch/types.h>

#include <array>
#include <cmath>
#include <cstdint>
#include <vector>

namespace {

using torch::nn::Conv2d;
using torch::nn::Conv2dOptions;

struct Case {
  std::int64_t kernel, stride, padding, height, width;
};

at::Tensor channels_inside(const at::Tensor& x) {
  return x.contiguous(at::MemoryFormat::ChannelsLast);
}

Conv2d layer_of(const Case& of, at::ScalarType type = at::kFloat) {
  Conv2d layer(Conv2dOptions(6, 10, of.kernel).stride(of.stride).padding(of.padding).bias(false));
  layer->to(type);
  layer->weight.set_data(channels_inside(layer->weight));
  return layer;
}

struct Outcome {
  at::Tensor out, x, weight;
};

template <class Forward>
Outcome outcome_of(Conv2d layer, const at::Tensor& x, Forward forward) {
  const auto input = x.detach().clone().requires_grad_();
  const auto out = forward(layer, input);
  out.backward(at::linspace(-1, 1, out.numel(), out.options()).view_as(out));
  return {out.detach(), input.grad(), layer->weight.grad().clone()};
}

at::Tensor own(Conv2d& layer, const at::Tensor& x) { return gradus::convolve(layer, x); }
at::Tensor theirs(Conv2d& layer, const at::Tensor& x) { return layer(x); }

/// Whether `convolve` multiplies matrices for it.
bool multiplies(Conv2d layer, const at::Tensor& x) {
  const auto function = gradus::convolve(layer, x).grad_fn();
  return function->name().find("ConvolveAsProduct") != std::string::npos;
}

}  // namespace

CATCH_TEST_CASE("convolve is the layer: output and gradients, for small maps and large") {
  torch::manual_seed(0);
  for (const auto& of : {Case{3, 1, 1, 2, 2}, Case{3, 2, 1, 8, 8}, Case{3, 2, 1, 7, 5},
                         Case{1, 2, 0, 9, 8}, Case{3, 1, 0, 4, 3}, Case{5, 2, 2, 6, 6},
                         Case{3, 1, 1, 12, 12}, Case{1, 1, 0, 4, 4}, Case{3, 3, 1, 7, 7}}) {
    CATCH_INFO("kernel " << of.kernel << ", stride " << of.stride << ", " << of.height << " x "
                         << of.width);
    auto layer = layer_of(of);
    auto same = layer_of(of, at::kDouble);
    same->weight.set_data(layer->weight.detach().to(at::kDouble));
    const auto x = channels_inside(torch::randn({5, 6, of.height, of.width}));
    const auto a = outcome_of(layer, x, own);
    const auto b = outcome_of(same, x.to(at::kDouble), theirs);
    CATCH_CHECK(at::allclose(a.out.to(at::kDouble), b.out, 1e-5, 1e-5));
    CATCH_CHECK(at::allclose(a.x.to(at::kDouble), b.x, 1e-5, 1e-5));
    CATCH_CHECK(at::allclose(a.weight.to(at::kDouble), b.weight, 1e-5, 1e-4));
    CATCH_CHECK(a.out.is_contiguous(at::MemoryFormat::ChannelsLast));
  }
}

CATCH_TEST_CASE("convolve under autocast is as near to float64 as the layer is") {
  // One draw says little: the error of a few hundred roundings varies by some percent. So the mean
  // over draws is bounded, by its own standard error and what is known: a gradient of the input is
  // the sum of up to four products that were rounded to bfloat16 each, where oneDNN's is rounded
  // once, which makes its error 1.05 to 1.09 times the layer's (Xeons with AMX, LibTorch 2.11 and
  // 2.15).
  constexpr std::uint64_t draws = 24;
  std::array<std::vector<double>, 3> ratios;  // own error over the layer's: output, input, weight
  const Case of{3, 2, 1, 4, 4};
  for (std::uint64_t draw = 0; draw < draws; ++draw) {
    torch::manual_seed(draw);
    auto layer = layer_of(of);
    auto exact_layer = layer_of(of, at::kDouble);
    exact_layer->weight.set_data(layer->weight.detach().to(at::kDouble));
    const auto x = channels_inside(torch::randn({64, 6, 4, 4})).to(at::kBFloat16);
    const auto exact = outcome_of(exact_layer, x.to(at::kDouble), theirs);
    at::autocast::set_autocast_enabled(at::kCPU, true);
    at::autocast::set_autocast_dtype(at::kCPU, at::kBFloat16);
    const auto a = outcome_of(layer, x, own);
    CATCH_CHECK(multiplies(layer, x));
    layer->zero_grad();
    const auto b = outcome_of(layer, x, theirs);
    at::autocast::clear_cache();
    at::autocast::set_autocast_enabled(at::kCPU, false);
    CATCH_CHECK(a.weight.scalar_type() == at::kFloat);
    const auto ratio = [](const at::Tensor& one, const at::Tensor& other, const at::Tensor& right) {
      const auto error = [&](const at::Tensor& of_one) {
        return (of_one.to(at::kDouble) - right).abs().mean().item<double>();
      };
      return error(one) / error(other);
    };
    ratios[0].push_back(ratio(a.out, b.out, exact.out));
    ratios[1].push_back(ratio(a.x, b.x, exact.x));
    ratios[2].push_back(ratio(a.weight, b.weight, exact.weight));
  }
  for (const auto& list : ratios) {
    const auto all = torch::tensor(list, torch::kDouble);
    const double mean = all.mean().item<double>();
    const double standard_error = all.std().item<double>() / std::sqrt(double{draws});
    CATCH_INFO("mean ratio " << mean << ", standard error " << standard_error);
    CATCH_CHECK(mean <= 1.1 + 3 * standard_error);
    CATCH_CHECK(standard_error < 0.05);  // else the bound would say nothing
  }
}

CATCH_TEST_CASE("convolve multiplies where it pays, and leaves the rest to the layer") {
  torch::manual_seed(2);
  const auto images = [](std::int64_t side) {
    return channels_inside(torch::randn({2, 6, side, side}));
  };
  CATCH_CHECK(multiplies(layer_of({3, 1, 1, 0, 0}), images(2)));
  CATCH_CHECK_FALSE(multiplies(layer_of({3, 1, 1, 0, 0}), images(8)));
  CATCH_CHECK(multiplies(layer_of({3, 2, 1, 0, 0}), images(8)));
  CATCH_CHECK_FALSE(multiplies(layer_of({3, 2, 1, 0, 0}), images(16)));
  CATCH_CHECK(multiplies(layer_of({1, 2, 0, 0, 0}), images(32)));
  CATCH_CHECK_FALSE(multiplies(layer_of({1, 1, 0, 0, 0}), images(2)));
  CATCH_CHECK_FALSE(multiplies(layer_of({3, 1, 1, 0, 0}), images(2).contiguous()));
  CATCH_CHECK_FALSE(multiplies(Conv2d(Conv2dOptions(6, 10, 3).padding(1)), images(2)));
  CATCH_CHECK_FALSE(
      multiplies(Conv2d(Conv2dOptions(6, 10, 3).padding(1).groups(2).bias(false)), images(2)));
  CATCH_CHECK_FALSE(multiplies(
      Conv2d(Conv2dOptions(6, 10, 3).padding(1).padding_mode(torch::kReflect).bias(false)),
      images(2)));
  CATCH_CHECK_FALSE(
      multiplies(Conv2d(Conv2dOptions(6, 10, {3, 1}).padding({1, 0}).bias(false)), images(2)));
}

CATCH_TEST_CASE("a second derivative of convolve is refused, not wrong") {
  auto layer = layer_of({3, 1, 1, 0, 0});
  const auto x = channels_inside(torch::randn({2, 6, 2, 2})).requires_grad_();
  const auto loss = gradus::convolve(layer, x).sum();
  CATCH_CHECK_THROWS_WITH(torch::autograd::grad({loss}, {x}, {}, true, true),
                          Catch::Matchers::ContainsSubstring("no second derivative"));
}
