#include "catch.hpp"
#include <gradus/model/norm_relu.hpp>

#include <ATen/Parallel.h>

#include <limits>
#include <utility>

namespace {

using torch::nn::BatchNorm2d;
using torch::nn::BatchNorm2dOptions;

at::Tensor channels_inside(const at::Tensor& x) {
  return x.contiguous(at::MemoryFormat::ChannelsLast);
}

/// A norm whose scales and offsets are no ones and zeros.
BatchNorm2d norm_of(std::int64_t channels) {
  BatchNorm2d norm(channels);
  const at::NoGradGuard no_grad;
  norm->weight.uniform_(0.5, 1.5);
  norm->bias.uniform_(-0.5, 0.5);
  return norm;
}

BatchNorm2d copy_of(const BatchNorm2d& norm, at::ScalarType type = at::kFloat) {
  BatchNorm2d copy(std::dynamic_pointer_cast<torch::nn::BatchNorm2dImpl>(norm->clone()));
  copy->to(type);
  return copy;
}

struct Outcome {
  at::Tensor out, x, shortcut, weight, bias, running_mean, running_var;
};

/// Output and all gradients under a fixed gradient of the output.
template <class Forward>
Outcome outcome_of(BatchNorm2d norm, const at::Tensor& x, const at::Tensor& shortcut,
                   const at::Tensor& gradient, Forward forward) {
  norm->zero_grad();
  const auto input = x.detach().clone().requires_grad_();
  const auto other = shortcut.defined() ? shortcut.detach().clone().requires_grad_() : at::Tensor();
  const auto out = forward(norm, input, other);
  out.backward(gradient);
  return {out.detach(),        input.grad(),      other.defined() ? other.grad() : at::Tensor(),
          norm->weight.grad(), norm->bias.grad(), norm->running_mean,
          norm->running_var};
}

at::Tensor three_operations(BatchNorm2d& norm, const at::Tensor& x, const at::Tensor& shortcut) {
  auto y = norm(x);
  if (shortcut.defined()) y = y + shortcut;
  return y.relu();
}

at::Tensor fused(BatchNorm2d& norm, const at::Tensor& x, const at::Tensor& shortcut) {
  return gradus::norm_relu(norm, x, shortcut);
}

/// Largest difference over the largest value.
double difference(const at::Tensor& a, const at::Tensor& b) {
  if (!a.defined() && !b.defined()) return 0;
  const auto wide = b.to(at::kDouble);
  return ((a.to(at::kDouble) - wide).abs().max() / wide.abs().max().clamp_min(1e-30))
      .item<double>();
}

double largest_difference(const Outcome& a, const Outcome& b) {
  return std::max({difference(a.out, b.out), difference(a.x, b.x),
                   difference(a.shortcut, b.shortcut), difference(a.weight, b.weight),
                   difference(a.bias, b.bias), difference(a.running_mean, b.running_mean),
                   difference(a.running_var, b.running_var)});
}

}  // namespace

CATCH_TEST_CASE("norm_relu is norm, sum and relu: output, gradients and statistics") {
  torch::manual_seed(0);
  for (const std::int64_t channels : {1, 3, 16, 17, 64, 300, 1100}) {
    for (const bool with_shortcut : {false, true}) {
      for (const bool training : {true, false}) {
        CATCH_INFO(channels << " channels" << (with_shortcut ? ", shortcut" : "")
                            << (training ? ", training" : ", evaluation"));
        auto norm = norm_of(channels);
        norm->running_mean.uniform_(-1, 1);
        norm->train(training);
        const auto x = channels_inside(torch::randn({5, channels, 7, 6}) * 3 + 1);
        const auto shortcut = with_shortcut ? channels_inside(torch::randn_like(x)) : at::Tensor();
        const auto gradient = channels_inside(torch::randn_like(x));
        const auto own = outcome_of(copy_of(norm), x, shortcut, gradient, fused);
        const auto wide = [](const at::Tensor& t) { return t.defined() ? t.to(at::kDouble) : t; };
        const auto exact = outcome_of(copy_of(norm, at::kDouble), wide(x), wide(shortcut),
                                      wide(gradient), three_operations);
        CATCH_CHECK(largest_difference(own, exact) < 2e-5);
        CATCH_CHECK(own.out.is_contiguous(at::MemoryFormat::ChannelsLast));
      }
    }
  }
}

CATCH_TEST_CASE("a shortcut with a norm of its own is normalized within the sum") {
  torch::manual_seed(7);
  struct Both {
    Outcome first;
    at::Tensor weight, bias, running_mean, running_var;
  };
  const auto both = [](BatchNorm2d norm, BatchNorm2d other, const at::Tensor& x,
                       const at::Tensor& shortcut, const at::Tensor& gradient, auto forward) {
    auto first = outcome_of(norm, x, shortcut, gradient,
                            [&](BatchNorm2d& one, const at::Tensor& input, const at::Tensor& side) {
                              return forward(one, input, other, side);
                            });
    return Both{first, other->weight.grad(), other->bias.grad(), other->running_mean,
                other->running_var};
  };
  const auto own = [](BatchNorm2d& norm, const at::Tensor& x, BatchNorm2d& other,
                      const at::Tensor& side) { return gradus::norm_relu(norm, x, other, side); };
  const auto theirs = [](BatchNorm2d& norm, const at::Tensor& x, BatchNorm2d& other,
                         const at::Tensor& side) { return (norm(x) + other(side)).relu(); };
  for (const std::int64_t channels : {3, 17, 64, 1100}) {
    for (const auto [training, other_training] :
         {std::pair(true, true), std::pair(true, false), std::pair(false, false)}) {
      for (const auto type : {at::kFloat, at::kBFloat16}) {
        CATCH_INFO(channels << " channels, training " << training << other_training << ", "
                            << c10::toString(type));
        auto norm = norm_of(channels), other = norm_of(channels);
        norm->running_mean.uniform_(-1, 1);
        other->running_mean.uniform_(-1, 1);
        norm->train(training);
        other->train(other_training);
        const auto make = [&](double shift) {
          return channels_inside((torch::randn({5, channels, 7, 6}) * 2 + shift).to(type));
        };
        const auto x = make(1), shortcut = make(-1), gradient = make(0);
        const auto fused = both(copy_of(norm), copy_of(other), x, shortcut, gradient, own);
        const auto exact =
            both(copy_of(norm, at::kDouble), copy_of(other, at::kDouble), x.to(at::kDouble),
                 shortcut.to(at::kDouble), gradient.to(at::kDouble), theirs);
        const double bound = type == at::kFloat ? 2e-5 : 2e-2;
        CATCH_CHECK(largest_difference(fused.first, exact.first) < bound);
        CATCH_CHECK(difference(fused.weight, exact.weight) < bound);
        CATCH_CHECK(difference(fused.bias, exact.bias) < bound);
        CATCH_CHECK(difference(fused.running_mean, exact.running_mean) < bound);
        CATCH_CHECK(difference(fused.running_var, exact.running_var) < bound);
      }
    }
  }
}

CATCH_TEST_CASE("two norms over contiguous memory are LibTorch's operations, to the bit") {
  torch::manual_seed(8);
  auto norm = norm_of(5), other = norm_of(5);
  const auto x = torch::randn({3, 5, 4, 4}), side = torch::randn({3, 5, 4, 4});
  auto norm_copy = copy_of(norm), other_copy = copy_of(other);
  CATCH_CHECK(
      gradus::norm_relu(norm, x, other, side).equal(norm_copy(x).add_(other_copy(side)).relu_()));
}

CATCH_TEST_CASE("in bfloat16 norm_relu is no further from float64 than LibTorch's operations are") {
  torch::manual_seed(1);
  const auto norm = norm_of(32);
  const auto make = [] {
    return channels_inside(torch::randn({16, 32, 12, 12}) * 2 + 1).to(at::kBFloat16);
  };
  const auto x = make(), shortcut = make(), gradient = make();
  const auto own = outcome_of(copy_of(norm), x, shortcut, gradient, fused);
  const auto theirs = outcome_of(copy_of(norm), x, shortcut, gradient, three_operations);
  const auto exact =
      outcome_of(copy_of(norm, at::kDouble), x.to(at::kDouble), shortcut.to(at::kDouble),
                 gradient.to(at::kDouble), three_operations);
  const auto mean_error = [](const at::Tensor& a, const at::Tensor& b) {
    return (a.to(at::kDouble) - b).abs().mean().item<double>();
  };
  CATCH_CHECK(mean_error(own.out, exact.out) < 0.95 * mean_error(theirs.out, exact.out));
  CATCH_CHECK(mean_error(own.x, exact.x) < 1.01 * mean_error(theirs.x, exact.x));
  CATCH_CHECK(mean_error(own.weight, exact.weight) <
              1.01 * mean_error(theirs.weight, exact.weight));
  CATCH_CHECK(own.out.scalar_type() == at::kBFloat16);
}

CATCH_TEST_CASE("a mean far from zero costs norm_relu no digits") {
  torch::manual_seed(2);
  const auto norm = norm_of(8);
  const auto x = channels_inside(torch::randn({8, 8, 9, 9}) + 1000);
  const auto gradient = channels_inside(torch::randn_like(x));
  const auto own = outcome_of(copy_of(norm), x, {}, gradient, fused);
  const auto exact = outcome_of(copy_of(norm, at::kDouble), x.to(at::kDouble), {},
                                gradient.to(at::kDouble), three_operations);
  CATCH_CHECK(difference(own.out, exact.out) < 2e-4);  // 1000 has 2^-14 between floats
  CATCH_CHECK(difference(own.running_var, exact.running_var) < 1e-4);
}

CATCH_TEST_CASE("the number of threads changes no bit of norm_relu") {
  torch::manual_seed(3);
  const auto norm = norm_of(48);
  const auto x = channels_inside(torch::randn({64, 48, 16, 16})).to(at::kBFloat16);
  const auto gradient = torch::randn_like(x);
  const auto threads = at::get_num_threads();
  at::set_num_threads(1);
  const auto one = outcome_of(copy_of(norm), x, x, gradient, fused);
  at::set_num_threads(3);
  const auto three = outcome_of(copy_of(norm), x, x, gradient, fused);
  at::set_num_threads(threads);
  CATCH_CHECK(largest_difference(one, three) == 0);
}

CATCH_TEST_CASE("norm_relu counts batches as the norm does, cumulative averages included") {
  torch::manual_seed(4);
  for (const auto momentum : {std::optional<double>(0.3), std::optional<double>()}) {
    BatchNorm2d own(BatchNorm2dOptions(4).momentum(momentum));
    auto theirs = copy_of(own);
    for (int batch = 0; batch < 3; ++batch) {
      const auto x = channels_inside(torch::randn({3, 4, 5, 5}) + batch);
      gradus::norm_relu(own, x);
      theirs(x);
    }
    CATCH_CHECK(own->num_batches_tracked.item<std::int64_t>() == 3);
    CATCH_CHECK(at::allclose(own->running_mean, theirs->running_mean, 1e-5, 1e-6));
    CATCH_CHECK(at::allclose(own->running_var, theirs->running_var, 1e-5, 1e-6));
  }
}

CATCH_TEST_CASE("where norm_relu can't fuse, it is LibTorch's operations to the bit") {
  torch::manual_seed(5);
  auto norm = norm_of(6);
  const auto check = [](BatchNorm2d& of, const at::Tensor& x, const at::Tensor& shortcut) {
    auto same = copy_of(of, of->weight.defined() ? of->weight.scalar_type() : at::kFloat);
    CATCH_CHECK(
        torch::equal(gradus::norm_relu(of, x, shortcut), three_operations(same, x, shortcut)));
  };
  const auto x = torch::randn({4, 6, 5, 5});
  check(norm, x, x * 2);                                     // contiguous
  check(norm, channels_inside(x), torch::randn({6, 1, 1}));  // a shortcut that is broadcast
  BatchNorm2d bare(BatchNorm2dOptions(6).affine(false));
  check(bare, channels_inside(x), {});
  auto wide = copy_of(norm, at::kDouble);
  check(wide, channels_inside(x.to(at::kDouble)), {});
}

CATCH_TEST_CASE("what is not a number stays so through norm_relu, as through relu") {
  auto norm = norm_of(4);
  norm->eval();
  auto x = channels_inside(torch::zeros({2, 4, 3, 3}));
  x[1][2][0][1] = std::numeric_limits<float>::quiet_NaN();
  CATCH_CHECK(gradus::norm_relu(norm, x).isnan().sum().item<std::int64_t>() == 1);
  CATCH_CHECK(gradus::norm_relu(norm, x.to(at::kBFloat16)).isnan().sum().item<std::int64_t>() == 1);
}

CATCH_TEST_CASE("a second derivative of norm_relu is refused, not wrong") {
  auto norm = norm_of(4);
  const auto x = channels_inside(torch::randn({2, 4, 3, 3})).requires_grad_();
  const auto loss = gradus::norm_relu(norm, x).sum();
  CATCH_CHECK_THROWS_WITH(
      torch::autograd::grad({loss}, {x}, {}, /*retain_graph=*/true, /*create_graph=*/true),
      Catch::Matchers::ContainsSubstring("no second derivative"));
}

CATCH_TEST_CASE(
    "a batch of one value has no variance, and norm_relu stays finite as the norm does") {
  torch::manual_seed(6);
  const auto norm = norm_of(5);
  const auto x = channels_inside(torch::full({4, 5, 3, 3}, 0.1F));
  const auto gradient = channels_inside(torch::randn_like(x));
  for (const auto& shortcut : {at::Tensor(), x}) {
    const auto own = outcome_of(copy_of(norm), x, shortcut, gradient, fused);
    const auto wide = shortcut.defined() ? shortcut.to(at::kDouble) : at::Tensor();
    const auto exact = outcome_of(copy_of(norm, at::kDouble), x.to(at::kDouble), wide,
                                  gradient.to(at::kDouble), three_operations);
    CATCH_CHECK(difference(own.out, exact.out) < 1e-4);  // a rounding times 1 / sqrt(eps) = 316
    CATCH_CHECK(difference(own.x, exact.x) < 1e-3);
    CATCH_CHECK(own.weight.abs().max().item<double>() < 1e-3);  // of x - mean, which is 0
    CATCH_CHECK(own.running_var.isfinite().all().item<bool>());
  }
}
