// conv2d in a ConvolutionScope: what callers see of it, beside LibTorch's own.
#include "../catch.hpp"
#include "problem.hpp"
#include <gradus/device/device.hpp>
#include <gradus/kernel/convolution.hpp>
#include <gradus/kernel/convolution_choices.hpp>
#include <gradus/kernel/convolution_scope.hpp>
#include <gradus/kernel/saved_choices.hpp>

#include <ATen/autocast_mode.h>
#include <torch/csrc/autograd/forward_grad.h>
#include <torch/torch.h>

#include <cmath>
#include <cstdint>
#include <functional>
#include <limits>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

using namespace gradus;
using namespace test;
using Catch::Matchers::ContainsSubstring;
using torch::autograd::grad;

namespace {

using Choices = c10::intrusive_ptr<ConvolutionChoices>;
using Rule = ConvolutionChoices::Rule;

Choices pinned_to(ConvolutionWay way) { return convolution_choices(Rule::pinned, way); }
Choices by_rule(Rule rule) { return convolution_choices(rule, ConvolutionWay::library); }

const std::vector every_way{ConvolutionWay::library, ConvolutionWay::product,
                            ConvolutionWay::small_tiles, ConvolutionWay::large_tiles};

bool near(const at::Tensor& one, const at::Tensor& other, double tolerance = 1e-5) {
  return one.sizes() == other.sizes() && one.scalar_type() == other.scalar_type() &&
         (one - other).norm().item<double>() <= tolerance * other.norm().item<double>();
}

/// Of the same form, and the same bits; a NaN is one.
bool same(const at::Tensor& one, const at::Tensor& other) {
  return one.scalar_type() == other.scalar_type() && one.sizes() == other.sizes() &&
         one.strides() == other.strides() && at::allclose(one, other, 0, 0, /*equal_nan=*/true);
}

/// What `body` gives in a scope of `choices`, or LibTorch's without them.
template <class Body>
auto in_scope(const Choices& choices, const Body& body) {
  std::optional<ConvolutionScope> scope;
  if (choices) scope.emplace(choices);
  return body();
}

/// The sentence of the error that `body` ends with, or nothing.
std::string error_of_call(const std::function<at::Tensor()>& body) {
  try {
    static_cast<void>(body());
  } catch (const c10::Error& error) {
    return error.what_without_backtrace();
  }
  return "";
}

/// Three convolutions, of 3 taps, 3 taps with stride 2, and 1 tap with stride 2.
struct SmallNet {
  std::vector<at::Tensor> leaves;  ///< x, then weights and biases

  SmallNet() {
    torch::manual_seed(0);
    for (const auto& sizes : std::vector<std::vector<std::int64_t>>{
             {2, 3, 8, 7}, {5, 3, 3, 3}, {5}, {6, 5, 3, 3}, {6}, {4, 6, 1, 1}, {4}}) {
      leaves.push_back((torch::randn(sizes) * 0.4).requires_grad_());
    }
  }
  [[nodiscard]] at::Tensor loss() const {
    const auto& p = leaves;
    const auto first = torch::conv2d(p[0], p[1], p[2], 1, 1).tanh();
    const auto second = torch::conv2d(first, p[3], p[4], 2, 1).tanh();
    return torch::conv2d(second, p[5], p[6], 2).square().sum();
  }
};

}  // namespace

CATCH_TEST_CASE("gradients in a scope are those of finite differences") {
  // Along random directions; float32, steps of 1e-2: a hundredth is lost to rounding and curvature.
  const Threads one_thread(1);
  for (const auto way : every_way) {
    CATCH_INFO(way);
    SmallNet net;
    const ConvolutionScope scope(pinned_to(way));
    const auto gradients = grad({net.loss()}, net.leaves);
    const at::NoGradGuard no_grad;
    for (std::size_t i = 0; i < net.leaves.size(); ++i) {
      auto& leaf = net.leaves[i];
      const auto direction = torch::randn_like(leaf);
      const auto unit = direction / direction.norm();
      constexpr double step = 1e-2;
      const auto moved = [&](double by) {
        leaf.add_(unit, by);
        const auto loss = net.loss().item<double>();
        leaf.sub_(unit, by);
        return loss;
      };
      const double slope = (moved(step) - moved(-step)) / (2 * step);
      const double expected = (gradients[i] * unit).sum().item<double>();
      CATCH_INFO("leaf " << i);
      CATCH_CHECK(std::abs(slope - expected) <
                  0.01 * std::max(1.0, gradients[i].norm().item<double>()));
    }
  }
}

CATCH_TEST_CASE("gradients and second derivatives in a scope are LibTorch's") {
  const Threads one_thread(1);
  SmallNet net;
  const auto both = [&](const Choices& choices) {
    const auto loss = in_scope(choices, [&] { return net.loss(); });
    const auto gradients = grad({loss}, net.leaves, {}, true, /*create_graph=*/true);
    auto penalty = torch::zeros({});
    for (const auto& gradient : gradients) penalty = penalty + gradient.square().sum();
    return std::pair(gradients, grad({penalty}, net.leaves, {}, true, true));
  };
  const auto [first, second] = both({});
  for (const auto way : every_way) {
    CATCH_INFO(way);
    const auto [own_first, own_second] = both(pinned_to(way));
    for (std::size_t i = 0; i < first.size(); ++i) {
      CATCH_INFO("leaf " << i);
      CATCH_CHECK(near(own_first[i], first[i], 1e-4));
      CATCH_CHECK(near(own_second[i], second[i], 1e-4));
    }
  }
}

CATCH_TEST_CASE(
    "outputs and gradients lie in memory as LibTorch's do, whatever operands are like") {
  const Threads one_thread(1);
  torch::manual_seed(1);
  struct Form {
    const char* what;
    at::Tensor tensor;
  };
  const auto x = torch::randn({4, 6, 9, 8});
  const auto w = torch::randn({7, 6, 3, 3});
  const std::vector<Form> inputs{
      {"contiguous", x},
      {"channels-last", channels_inside(x)},
      {"a slice", torch::randn({4, 12, 18, 8}).slice(1, 3, 9).slice(2, 0, 18, 2)},
      {"a slice of channels", channels_inside(torch::randn({4, 9, 9, 8})).slice(1, 2, 8)},
      {"transposed", torch::randn({4, 6, 8, 9}).transpose(2, 3)},
      {"expanded over the batch", torch::randn({1, 6, 9, 8}).expand({4, 6, 9, 8})},
      {"expanded over channels", torch::randn({4, 1, 9, 8}).expand({4, 6, 9, 8})},
      {"1 x 1 maps", torch::randn({4, 6, 1, 1})},
      {"one image", x.slice(0, 0, 1)}};
  const std::vector<Form> weights{{"contiguous", w},
                                  {"channels-last", channels_inside(w)},
                                  {"transposed", w.transpose(2, 3)},
                                  {"a slice", torch::randn({14, 6, 3, 3}).slice(0, 0, 14, 2)}};
  for (const auto way : every_way) {
    for (const auto& input : inputs) {
      for (const auto& filters : weights) {
        for (const std::int64_t stride : {1, 2}) {
          CATCH_INFO(way << ", input " << input.what << ", weight " << filters.what << ", stride "
                         << stride);
          const auto of = [&](const Choices& choices) {
            const auto a = input.tensor.detach().requires_grad_();
            const auto b = filters.tensor.detach().requires_grad_();
            const auto y = in_scope(choices, [&] { return torch::conv2d(a, b, {}, stride, 1); });
            const auto dy = torch::linspace(-1, 1, y.numel()).view(y.sizes());
            auto gradients = grad({y}, {a, b}, {dy});
            return std::vector{y.detach(), gradients[0], gradients[1]};
          };
          const auto expected = of({}), own = of(pinned_to(way));
          for (std::size_t i = 0; i < own.size(); ++i) {
            CATCH_CHECK(near(own[i], expected[i]));
            if (i == 2) break;  // as the weights lie, where LibTorch's may lie as the input
            CATCH_CHECK(own[i].is_contiguous() == expected[i].is_contiguous());
            CATCH_CHECK(own[i].is_contiguous(at::MemoryFormat::ChannelsLast) ==
                        expected[i].is_contiguous(at::MemoryFormat::ChannelsLast));
          }
          if (way == ConvolutionWay::small_tiles) {
            CATCH_CHECK(own[2].is_contiguous(filters.tensor.suggest_memory_format()));
          }
        }
      }
    }
    const ConvolutionScope scope(pinned_to(way));
    CATCH_CHECK_NOTHROW(torch::conv2d(x, w, {}, 1, 1).view({4, -1}));
  }
}

CATCH_TEST_CASE(
    "an output in a scope can be changed in place, an input that a gradient needs cannot") {
  torch::manual_seed(2);
  for (const auto way : every_way) {
    for (const auto& x : {torch::randn({2, 3, 6, 6}), channels_inside(torch::randn({2, 3, 6, 6})),
                          torch::randn({2, 3, 1, 1})}) {
      CATCH_INFO(way << ", " << x.sizes());
      const auto w = torch::randn({4, 3, 3, 3}).requires_grad_();
      const auto b = torch::randn({4}).requires_grad_();
      const auto expected = torch::conv2d(x, w, b, 1, 1).relu();
      const auto slope = grad({expected.sum()}, {w});
      const ConvolutionScope scope(pinned_to(way));
      auto y = torch::conv2d(x, w, b, 1, 1);
      CATCH_CHECK_FALSE(y.is_view());
      CATCH_REQUIRE_NOTHROW(y.relu_());
      CATCH_CHECK(near(y, expected));
      CATCH_CHECK(near(grad({y.sum()}, {w})[0], slope[0]));

      const auto input = x.clone();
      const auto late = torch::conv2d(input, w, b, 1, 1);
      input.add_(1);
      CATCH_CHECK_THROWS_WITH(late.sum().backward(),
                              ContainsSubstring("modified by an inplace operation"));
    }
  }
}

CATCH_TEST_CASE("what no other way fits is LibTorch's to the bit, and is no choice") {
  torch::manual_seed(3);
  using Call = std::function<at::Tensor()>;
  const auto randn = [](at::IntArrayRef sizes, at::ScalarType type = at::kFloat) {
    return torch::randn(sizes).to(type);
  };
  const auto x = randn({2, 4, 6, 6}), w = randn({6, 4, 3, 3}), b = randn({6});
  const std::vector<std::pair<const char*, Call>> calls{
      {"no images", [&] { return torch::conv2d(x.slice(0, 0, 0), w, b, 1, 1); }},
      {"groups", [&] { return torch::conv2d(x, w.slice(1, 0, 2), b, 1, 1, 1, 2); }},
      {"dilation", [&] { return torch::conv2d(x, w, b, 1, 1, 2); }},
      {"unequal dilation", [&] { return torch::conv2d(x, w, b, 1, 1, {1, 2}); }},
      {"unequal strides", [&] { return torch::conv2d(x, w, b, {1, 2}, 1); }},
      {"unequal padding", [&] { return torch::conv2d(x, w, b, 1, at::IntArrayRef({0, 1})); }},
      {"filters that are not square", [&] { return torch::conv2d(x, w.slice(3, 0, 2), b); }},
      {"padding by name", [&] { return torch::conv2d(x, w, b, 1, "same"); }},
      {"one image without a batch", [&] { return torch::conv2d(x[0], w, b, 1, 1); }},
      {"float64", [&] { return torch::conv2d(x.to(at::kDouble), w.to(at::kDouble)); }},
      {"float16", [&] { return torch::conv2d(x.to(at::kHalf), w.to(at::kHalf)); }},
      {"complex", [&] { return torch::conv2d(x.to(at::kComplexFloat), w.to(at::kComplexFloat)); }},
      {"large maps with 5 taps",
       [&] { return torch::conv2d(randn({1, 2, 20, 20}).fill_(1), randn({2, 2, 5, 5}).fill_(2)); }},
      {"a bias that is a slice",
       [&] { return torch::conv2d(x, w, randn({12}).fill_(1).slice(0, 0, 12, 2)); }},
      {"conv1d", [&] { return torch::conv1d(x.select(3, 0), w.select(3, 0), b, 1, 1); }},
      {"conv3d", [&] { return torch::conv3d(x.unsqueeze(2), w.unsqueeze(2), b, 1, 1); }},
      {"transposed", [&] { return torch::conv_transpose2d(x, w.transpose(0, 1), b, 1, 1); }}};
  for (const auto& [what, call] : calls) {
    CATCH_INFO(what);
    const auto expected = call();
    const auto choices = pinned_to(ConvolutionWay::large_tiles);
    CATCH_CHECK(same(in_scope(choices, call), expected));
    CATCH_CHECK(choices->all().empty());
  }
}

CATCH_TEST_CASE("shapes and types that do not fit get LibTorch's own sentence") {
  torch::manual_seed(4);
  using Call = std::function<at::Tensor()>;
  const auto x = torch::randn({2, 4, 6, 6}), w = torch::randn({6, 4, 3, 3}), b = torch::randn({6});
  const std::vector<std::pair<const char*, Call>> calls{
      {"no filters", [&] { return torch::conv2d(x, w.slice(0, 0, 0), {}, 1, 1); }},
      {"other channels", [&] { return torch::conv2d(x.slice(1, 0, 3), w, b); }},
      {"filters larger than maps", [&] { return torch::conv2d(x.slice(2, 0, 2), w, b); }},
      {"a bias too long", [&] { return torch::conv2d(x, w, torch::randn({7})); }},
      {"a bias of two dimensions", [&] { return torch::conv2d(x, w, torch::randn({6, 1})); }},
      {"two dimensions", [&] { return torch::conv2d(x[0][0], w, b); }},
      {"five dimensions", [&] { return torch::conv2d(x.unsqueeze(0), w, b); }},
      {"filters of three dimensions", [&] { return torch::conv2d(x, w[0], b); }},
      {"no stride", [&] { return torch::conv2d(x, w, b, 0); }},
      {"a stride below zero", [&] { return torch::conv2d(x, w, b, -1); }},
      {"padding below zero", [&] { return torch::conv2d(x, w, b, 1, -1); }},
      {"three strides", [&] { return torch::conv2d(x, w, b, {1, 2, 1}, 1); }},
      {"three paddings", [&] { return torch::conv2d(x, w, b, 1, {1, 0, 1}); }},
      {"three dilations", [&] { return torch::conv2d(x, w, b, 1, 1, {1, 2, 1}); }},
      {"an empty stride", [&] { return torch::conv2d(x, w, b, at::IntArrayRef{}, 1); }},
      {"types that differ", [&] { return torch::conv2d(x.to(at::kDouble), w, b); }},
      {"filters of bfloat16", [&] { return torch::conv2d(x, w.to(at::kBFloat16), b); }},
      {"a bias of float64", [&] { return torch::conv2d(x, w, b.to(at::kDouble)); }},
      {"whole numbers", [&] { return torch::conv2d(x.to(at::kLong), w, b); }},
      {"filters that are not there", [&] { return torch::conv2d(x, at::Tensor(), b); }},
      {"an input that is not there", [&] { return torch::conv2d(at::Tensor(), w, b); }},
      {"a tensor without memory",
       [&] { return torch::conv2d(x.to(at::kMeta), w.to(at::kMeta), {}, 1, 1); }},
      {"no groups", [&] { return torch::conv2d(x, w, b, 1, 1, 1, 0); }}};
  for (const auto& [what, call] : calls) {
    CATCH_INFO(what);
    const auto expected = error_of_call(call);
    CATCH_CHECK(!expected.empty());
    CATCH_CHECK(in_scope(pinned_to(ConvolutionWay::large_tiles),
                         [&] { return error_of_call(call); }) == expected);
  }
}

CATCH_TEST_CASE("tensors that are no plain memory are LibTorch's in a scope") {
  torch::manual_seed(5);
  const auto x = torch::randn({2, 4, 6, 6}), w = torch::randn({6, 4, 3, 3});
  const auto zero = at::_efficientzerotensor({2, 4, 6, 6}, x.options());
  const auto negative = at::_neg_view(x);
  const ConvolutionScope scope(pinned_to(ConvolutionWay::small_tiles));
  CATCH_CHECK(near(torch::conv2d(negative, w, {}, 1, 1), -torch::conv2d(x, w, {}, 1, 1)));
  CATCH_CHECK(torch::conv2d(zero, w, {}, 1, 1).abs().max().item<double>() == 0);
}

CATCH_TEST_CASE("a tangent passes through a convolution in a scope") {
  torch::manual_seed(6);
  const auto x = torch::randn({2, 4, 6, 6}), w = torch::randn({6, 4, 3, 3});
  const auto tangent = torch::randn_like(x);
  const auto level = torch::autograd::ForwardADLevel::get_next_idx();
  {
    const ConvolutionScope scope(pinned_to(ConvolutionWay::small_tiles));
    const auto dual = at::_make_dual(x, tangent, static_cast<std::int64_t>(level));
    const auto [primal, along] =
        at::_unpack_dual(torch::conv2d(dual, w, {}, 1, 1), static_cast<std::int64_t>(level));
    CATCH_CHECK(near(along, torch::conv2d(tangent, w, {}, 1, 1)));
  }
  torch::autograd::ForwardADLevel::release_idx(level);
}

CATCH_TEST_CASE("not a number and infinity reach what they reach in LibTorch") {
  torch::manual_seed(7);
  const auto not_finite = [](const at::Tensor& of) { return of.isfinite().logical_not(); };
  for (const double bad :
       {std::numeric_limits<double>::quiet_NaN(), std::numeric_limits<double>::infinity()}) {
    for (const bool in_weight : {false, true}) {
      const auto x = torch::randn({3, 4, 7, 7});
      const auto w = torch::randn({5, 4, 3, 3});
      (in_weight ? w[2][1][0][1] : x[1][2][3][4]).fill_(bad);
      const auto of = [&](const Choices& choices) {
        const auto a = x.clone().requires_grad_(), b = w.clone().requires_grad_();
        const auto y = in_scope(choices, [&] { return torch::conv2d(a, b, {}, 1, 1); });
        const auto gradients = grad({y}, {a, b}, {torch::ones_like(y)});
        return std::vector{y, gradients[0], gradients[1]};
      };
      const auto expected = of({});
      for (const auto way : every_way) {
        CATCH_INFO(way << ", " << bad << (in_weight ? " in the weight" : " in the input"));
        const auto own = of(pinned_to(way));
        for (std::size_t i = 0; i < own.size(); ++i) {
          CATCH_CHECK_FALSE(
              not_finite(expected[i]).logical_and(own[i].isfinite()).any().item<bool>());
        }
        if (!in_weight) CATCH_CHECK(own[0][0].isfinite().all().item<bool>());
        if (in_weight) CATCH_CHECK(own[0].slice(1, 3).isfinite().all().item<bool>());
      }
    }
  }
}

CATCH_TEST_CASE("autocast in a scope gives bfloat16, and float32 gradients of weights") {
  torch::manual_seed(8);
  const auto x = torch::randn({4, 8, 6, 6}), big = torch::randn({2, 8, 20, 20});
  const auto w = torch::randn({16, 8, 3, 3}).requires_grad_();
  const auto b = torch::randn({16}).requires_grad_();
  const auto cast = [&](const Choices& choices, const at::Tensor& input) {
    at::autocast::set_autocast_enabled(at::kCPU, true);
    at::autocast::set_autocast_dtype(at::kCPU, at::kBFloat16);
    const auto y = in_scope(choices, [&] { return torch::conv2d(input, w, b, 1, 1); });
    at::autocast::clear_cache();
    at::autocast::set_autocast_enabled(at::kCPU, false);
    auto gradients = grad({y.to(at::kFloat).square().sum()}, {w, b});
    return std::vector{y.detach(), gradients[0], gradients[1]};
  };
  for (const auto way : every_way) {
    CATCH_INFO(way);
    const auto expected = cast({}, x), own = cast(pinned_to(way), x);
    CATCH_CHECK(own[0].scalar_type() == at::kBFloat16);
    CATCH_CHECK(own[1].scalar_type() == at::kFloat);
    CATCH_CHECK(own[2].scalar_type() == at::kFloat);
    for (std::size_t i = 0; i < own.size(); ++i) CATCH_CHECK(near(own[i], expected[i], 1.0 / 128));
    const auto expected_big = cast({}, big), own_big = cast(pinned_to(way), big);
    for (std::size_t i = 0; i < own_big.size(); ++i) {
      // Neither products nor small tiles serve it in bfloat16.
      CATCH_CHECK((way == ConvolutionWay::large_tiles ? near(own_big[i], expected_big[i], 1.0 / 128)
                                                      : same(own_big[i], expected_big[i])));
    }
  }
}

CATCH_TEST_CASE("scopes nest, end with an exception, and are of one thread") {
  torch::manual_seed(9);
  const auto x = torch::randn({2, 4, 9, 9}), w = torch::randn({6, 4, 3, 3});
  const auto run = [&] { return torch::conv2d(x, w, {}, 1, 1); };
  const auto outer = pinned_to(ConvolutionWay::small_tiles);
  const auto inner = pinned_to(ConvolutionWay::large_tiles);
  const auto count = [](const Choices& choices) { return choices->all().size(); };
  const auto plain = run();
  {
    const ConvolutionScope outside(outer);
    {
      const ConvolutionScope inside(inner);
      run();
    }
    CATCH_CHECK(count(inner) == 1);
    CATCH_CHECK(count(outer) == 0);
    run();
    CATCH_CHECK(count(outer) == 1);
    at::Tensor elsewhere;
    const auto others = pinned_to(ConvolutionWay::small_tiles);
    std::thread([&] {
      CATCH_CHECK(kernel::convolution_kernels() == nullptr);
      elsewhere = run();
    }).join();
    CATCH_CHECK(same(elsewhere, plain));
    CATCH_CHECK(kernel::convolution_kernels() != nullptr);
  }
  CATCH_CHECK(kernel::convolution_kernels() == nullptr);
  try {
    const ConvolutionScope scope(inner);
    throw std::runtime_error("ends here");
  } catch (const std::runtime_error&) {
  }
  const auto after = pinned_to(ConvolutionWay::small_tiles);
  CATCH_CHECK(kernel::convolution_kernels() == nullptr);
  CATCH_CHECK(same(run(), plain));
}

CATCH_TEST_CASE("a graph outlives its scope and its choices, and runs in another thread") {
  torch::manual_seed(10);
  const auto x = torch::randn({2, 4, 9, 9}).requires_grad_();
  const auto w = torch::randn({6, 4, 3, 3}).requires_grad_();
  const auto of = [&](const Choices& choices) {
    return in_scope(choices, [&] { return torch::conv2d(x, w, {}, 1, 1).square().sum(); });
  };
  const auto expected = grad({of({})}, {x, w});
  for (const auto way : every_way) {
    const auto loss = of(pinned_to(way));
    torch::autograd::variable_list own;
    std::thread([&] { own = grad({loss}, {x, w}); }).join();
    CATCH_CHECK(near(own[0], expected[0]));
    CATCH_CHECK(near(own[1], expected[1]));
  }
}

CATCH_TEST_CASE("gradients are computed for what asks for them, and for nothing else") {
  torch::manual_seed(11);
  for (const auto way : every_way) {
    for (const bool of_x : {false, true}) {
      for (const bool of_w : {false, true}) {
        for (const bool of_b : {false, true}) {
          const auto x = torch::randn({2, 4, 9, 9}).requires_grad_(of_x);
          const auto w = torch::randn({6, 4, 3, 3}).requires_grad_(of_w);
          const auto b = torch::randn({6}).requires_grad_(of_b);
          const auto choices = pinned_to(way);
          const auto y = in_scope(choices, [&] { return torch::conv2d(x, w, b, 1, 1); });
          CATCH_CHECK(y.requires_grad() == (of_x || of_w || of_b));
          if (!y.requires_grad()) continue;
          y.sum().backward();
          CATCH_CHECK(x.grad().defined() == of_x);
          CATCH_CHECK(w.grad().defined() == of_w);
          CATCH_CHECK(b.grad().defined() == of_b);
          const std::size_t parts = 1 + (of_x ? 1 : 0) + (of_w ? 1 : 0);
          CATCH_CHECK(choices->all().size() == parts);
        }
      }
    }
  }
}

CATCH_TEST_CASE("a scope without gradients, and in inference mode, gives the same outputs") {
  torch::manual_seed(12);
  const auto x = torch::randn({2, 4, 6, 6});
  const auto w = torch::randn({6, 4, 3, 3}).requires_grad_();
  for (const auto way : every_way) {
    const ConvolutionScope scope(pinned_to(way));
    const auto expected = torch::conv2d(x, w, {}, 1, 1);
    CATCH_CHECK(expected.grad_fn());
    {
      const at::NoGradGuard no_grad;
      const auto y = torch::conv2d(x, w, {}, 1, 1);
      CATCH_CHECK_FALSE(y.requires_grad());
      CATCH_CHECK(y.equal(expected.detach()));
    }
    const c10::InferenceMode inference;
    const auto y = torch::conv2d(torch::conv2d(x, w, {}, 1, 1), w.transpose(0, 1), {}, 1, 1);
    CATCH_CHECK(y.is_inference());
    CATCH_CHECK(torch::conv2d(x, w, {}, 1, 1).equal(expected.detach()));
  }
}

CATCH_TEST_CASE(
    "modules and functions are served alike, and a pinned way has the same bits again") {
  torch::manual_seed(13);
  torch::nn::Conv2d layer(torch::nn::Conv2dOptions(4, 6, 3).padding(1));
  torch::nn::Sequential layers(layer);
  const auto x = torch::randn({2, 4, 9, 9});
  for (const auto way : every_way) {
    CATCH_INFO(way);
    const auto choices = pinned_to(way);
    const ConvolutionScope scope(choices);
    const auto first = layers->forward(x);
    const auto fits = way == ConvolutionWay::product ? ConvolutionWay::library : way;  // 9 x 9 maps
    CATCH_REQUIRE(choices->all().size() == 1);
    CATCH_CHECK(choices->all().begin()->second.way == fits);
    const auto by_function = torch::nn::functional::conv2d(
        x, layer->weight, torch::nn::functional::Conv2dFuncOptions().bias(layer->bias).padding(1));
    CATCH_CHECK(same(by_function, first));
    for (int again = 0; again < 5; ++again) CATCH_CHECK(same(layers->forward(x), first));
  }
}

CATCH_TEST_CASE("the way of LibTorch in a scope has LibTorch's bits, gradients included") {
  torch::manual_seed(14);
  for (const auto& x : {torch::randn({3, 5, 9, 8}), channels_inside(torch::randn({3, 5, 9, 8}))}) {
    const auto w = torch::randn({6, 5, 3, 3}), b = torch::randn({6});
    const auto of = [&](const Choices& choices) {
      const auto input = x.detach().requires_grad_(), filters = w.detach().requires_grad_();
      const auto y = in_scope(choices, [&] { return torch::conv2d(input, filters, b, 1, 1); });
      auto gradients = grad({y.square().sum()}, {input, filters});
      return std::vector{y.detach(), gradients[0], gradients[1]};
    };
    const auto expected = of({}), own = of(pinned_to(ConvolutionWay::library));
    for (std::size_t i = 0; i < own.size(); ++i) CATCH_CHECK(same(own[i], expected[i]));
  }
}

CATCH_TEST_CASE("gradients of one tap with stride 2 are those of contiguous memory") {
  torch::manual_seed(15);
  for (const std::int64_t channels : {2, 4, 7}) {
    const auto x = torch::randn({4, channels, 16, 16}), w = torch::randn({8, channels, 1, 1});
    const auto of = [&](const Choices& choices, const at::Tensor& input) {
      const auto filters = w.detach().requires_grad_();
      const auto y = in_scope(choices, [&] { return torch::conv2d(input, filters, {}, 2); });
      return grad({y.square().sum()}, {filters})[0];
    };
    const auto expected = of({}, x);
    for (const auto way : every_way) {
      CATCH_CHECK(near(of(pinned_to(way), channels_inside(x)), expected));
    }
  }
}

namespace {

/// A training step's parts of one convolution that no other test has.
void run_parts(const Choices& choices, std::int64_t channels, std::int64_t count = 2) {
  const auto x = torch::randn({count, channels, 9, 9}).requires_grad_();
  const auto w = torch::randn({channels, channels, 3, 3}).requires_grad_();
  in_scope(choices, [&] { return torch::conv2d(x, w, {}, 1, 1); }).sum().backward();
}

}  // namespace

CATCH_TEST_CASE("ways are measured once in a process, and a choice stays") {
  const auto first = by_rule(Rule::measure);
  run_parts(first, 19);
  const auto all = first->all();
  CATCH_REQUIRE(all.size() == 3);
  for (const auto& [which, choice] : all) {
    double best = std::numeric_limits<double>::infinity();
    for (const double milliseconds : choice.milliseconds) best = std::fmin(best, milliseconds);
    CATCH_CHECK(choice.milliseconds[static_cast<std::size_t>(choice.way)] <= best * 30 / 29);
    CATCH_CHECK(std::isnan(
        choice.milliseconds[static_cast<std::size_t>(ConvolutionWay::product)]));  // 9 x 9 maps
    CATCH_CHECK_FALSE(
        std::isnan(choice.milliseconds[static_cast<std::size_t>(ConvolutionWay::small_tiles)]));
  }
  const auto second = by_rule(Rule::measure);
  run_parts(second, 19);
  run_parts(second, 19, 3);  // as many, but for less than a factor of 2
  CATCH_REQUIRE(second->all().size() == 3);
  for (const auto& [which, choice] : second->all()) {
    CATCH_CHECK(choice.way == all.at(which).way);
    CATCH_CHECK(choice.milliseconds[0] == all.at(which).milliseconds[0]);
  }
  run_parts(second, 19, 4);
  CATCH_CHECK(second->all().size() == 6);
}

CATCH_TEST_CASE("threads may share choices, and come to the same ones") {
  const auto choices = by_rule(Rule::measure);
  std::vector<std::thread> threads;
  for (int i = 0; i < 3; ++i) threads.emplace_back([&] { run_parts(choices, 22); });
  for (auto& thread : threads) thread.join();
  const auto after = by_rule(Rule::measure);
  run_parts(after, 22);
  CATCH_REQUIRE(choices->all().size() == 3);
  for (const auto& [which, choice] : choices->all()) CATCH_CHECK(after->find(which) == choice.way);
}

CATCH_TEST_CASE("the usual way is the rule's, and deterministic algorithms ask for it") {
  const auto usual = by_rule(Rule::usual);
  run_parts(usual, 21, 4);
  run_parts(usual, 11);
  at::globalContext().setDeterministicAlgorithms(true, /*warn_only=*/false);
  const auto deterministic = by_rule(Rule::measure);
  run_parts(deterministic, 21, 4);
  run_parts(deterministic, 11);
  at::globalContext().setDeterministicAlgorithms(false, /*warn_only=*/false);
  CATCH_CHECK(usual->all().size() == 6);
  for (const auto& choices : {usual, deterministic}) {
    for (const auto& [which, choice] : choices->all()) {
      CATCH_CHECK(choice.way == (which.in_channels == 21 ? ConvolutionWay::large_tiles
                                                         : ConvolutionWay::library));
      CATCH_CHECK(std::isnan(choice.milliseconds[0]));
    }
  }
  // The same with the operands at hand.
  const auto usual_of = [](const kernel::ConvolutionShape& shape, at::ScalarType type) {
    return kernel::usual_way(shape, type, ConvolutionPart::forward, kernel::ways_for(shape, type));
  };
  const kernel::ConvolutionShape shape{{4, 9, 9, 21}, 21, 3, 1, 1};
  CATCH_CHECK(usual_of(shape, at::kFloat) == ConvolutionWay::large_tiles);
  CATCH_CHECK(usual_of(shape, at::kBFloat16) ==
              (has_bfloat16_tiles() ? ConvolutionWay::library : ConvolutionWay::large_tiles));
  const auto of = [&](std::int64_t images, std::int64_t side) {
    return usual_of({{images, side, side, 32}, 32, 3, 1, 1}, at::kFloat);
  };
  CATCH_CHECK(of(1, 9) == ConvolutionWay::library);  // too few pixels for a transform of filters
  CATCH_CHECK(of(64, 5) == ConvolutionWay::small_tiles);  // 2 x 2 large tiles over 5 x 5
  CATCH_CHECK(of(64, 12) == ConvolutionWay::large_tiles);
}

CATCH_TEST_CASE("a layer that meets ever new sizes is not measured for each") {
  const Threads one_thread(1);
  const auto choices = by_rule(Rule::measure);
  const auto w = torch::randn({29, 29, 3, 3});
  int timed = 0;
  for (std::int64_t side = 4; side < 24; ++side) {
    const auto x = torch::randn({1, 29, side, side});
    in_scope(choices, [&] { return torch::conv2d(x, w, {}, 1, 1); });
  }
  for (const auto& [which, choice] : choices->all()) {
    if (!std::isnan(choice.milliseconds[static_cast<std::size_t>(ConvolutionWay::library)]))
      ++timed;
  }
  CATCH_CHECK(choices->all().size() == 20);
  CATCH_CHECK(timed == 8);
}

CATCH_TEST_CASE("choices are saved, loaded in the place of others, and described") {
  const auto used = pinned_to(ConvolutionWay::small_tiles);
  run_parts(used, 13);
  StateDict saved;
  save_choices(*used, saved);

  const auto loaded = by_rule(Rule::measure);
  run_parts(loaded, 23);
  load_choices(*loaded, saved);
  const auto all = loaded->all();
  CATCH_CHECK(all.size() == 3);  // what it had before is gone
  for (const auto& [which, choice] : used->all()) {
    CATCH_CHECK(loaded->find(which) == ConvolutionWay::small_tiles);
  }
  run_parts(loaded, 13);  // as they were loaded, though nothing of them was ever measured here
  for (const auto& [which, choice] : loaded->all()) {
    CATCH_CHECK(choice.way == ConvolutionWay::small_tiles);
    CATCH_CHECK(std::isnan(choice.milliseconds[0]));
  }
  const auto said = described(*loaded);
  CATCH_REQUIRE(said.size() == 3);
  CATCH_CHECK(said[0].operation ==
              "forward of 3 x 3, 13 to 13 channels, stride 1, over 9 x 9, batches from 2, float32");
  CATCH_CHECK(said[0].way == "small_tiles");
  CATCH_CHECK(said[0].tried.empty());

  StateDict none;
  save_choices(*by_rule(Rule::usual), none);
  load_choices(*loaded, none);
  CATCH_CHECK(loaded->all().empty());
}

CATCH_TEST_CASE("choices of another form are refused, and change nothing") {
  const auto choices = pinned_to(ConvolutionWay::small_tiles);
  run_parts(choices, 13);
  StateDict saved;
  save_choices(*choices, saved);
  const auto good = saved.copy("cases");
  const auto refused = [&](const at::Tensor& cases) {
    StateDict state;
    state.put("cases", cases);
    const auto loaded = pinned_to(ConvolutionWay::large_tiles);
    run_parts(loaded, 12);
    const auto before = loaded->all();
    CATCH_CHECK_THROWS_AS(load_choices(*loaded, state), CheckpointError);
    CATCH_CHECK(loaded->all().size() == before.size());
    for (const auto& [which, choice] : before) CATCH_CHECK(loaded->find(which) == choice.way);
  };
  refused(good.to(at::kInt));
  refused(good.slice(1, 0, 11));
  refused(good.flatten());
  refused(at::zeros({}, at::kLong));
  // Of the last case: channels, height, taps, stride, padding, images; its part; its way.
  using Change = std::pair<std::int64_t, std::int64_t>;
  for (const auto& [column, wrong] :
       {Change{0, 0}, Change{2, -3}, Change{4, 20}, Change{5, 0}, Change{6, -1}, Change{7, 0},
        Change{10, -1}, Change{10, 3}, Change{11, -1}, Change{11, 99}}) {
    CATCH_INFO("column " << column << ", " << wrong);
    auto cases = good.clone();
    cases[2][column] = wrong;
    refused(cases);
  }
}
