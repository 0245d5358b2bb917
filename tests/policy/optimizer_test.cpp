#include "catch.hpp"
#include "reference.hpp"
#include <gradus/policy/optimizer/adamw.hpp>
#include <gradus/policy/optimizer/muon.hpp>
#include <gradus/policy/optimizer/sgd.hpp>

namespace {

/// The same weights and gradients as `trajectory` in tests/parity/make_reference.py.
template <class Optimizer>
std::array<at::Tensor, 2> trajectory(const Optimizer& optimizer) {
  auto matrix = (torch::arange(12.0F).reshape({3, 4}) / 8 - 0.5).requires_grad_();
  auto vector = (torch::arange(4.0F) / 4).requires_grad_();
  auto state = optimizer.start({{"matrix", matrix}, {"vector", vector}});
  for (int step = 0; step < 20; ++step) {
    for (auto [scale, parameter] : {std::pair(1.0F, matrix), std::pair(-0.5F, vector)}) {
      const auto index = torch::arange(static_cast<float>(parameter.numel())).reshape_as(parameter);
      parameter.mutable_grad() = scale * ((index * 7 + step * 3).remainder(11) - 5) / 8;
    }
    optimizer.step(state, {optimizer.lr, std::nullopt});
  }
  return {matrix.detach(), vector.detach()};
}

/// The same kernel runs in both: equal up to the last bits of a different vector width.
template <class Optimizer>
void check(const Optimizer& optimizer, const char* axis, const char* name) {
  const auto moved = trajectory(optimizer);
  for (std::size_t i = 0; i < 2; ++i) {
    const auto expected =
        torch::tensor(reference()[axis][name][i].get<std::vector<double>>(), torch::kDouble);
    const at::Tensor difference = moved.at(i).flatten().to(torch::kDouble) - expected;
    const double largest = difference.abs().max().item().toDouble();
    CATCH_INFO(axis << " " << name);
    CATCH_CHECK(largest < 1e-6);
  }
}

}  // namespace

CATCH_TEST_CASE("SGD equals PyTorch's over 20 steps, plain, with momentum, with Nesterov") {
  check(gradus::SGD{.lr = 0.1}, "sgd", "plain");
  check(gradus::SGD{.lr = 0.1, .momentum = 0.9, .weight_decay = 0.01}, "sgd", "momentum");
  check(gradus::SGD{.lr = 0.1, .momentum = 0.9, .nesterov = true}, "sgd", "nesterov");
}

CATCH_TEST_CASE("AdamW equals PyTorch's over 20 steps, decaying all parameters or weights only") {
  check(gradus::AdamW{.lr = 0.1, .weight_decay = 0.1}, "adamw", "all");
  check(gradus::AdamW{.lr = 0.1,
                      .beta1 = 0.8,
                      .beta2 = 0.98,
                      .weight_decay = 0.1,
                      .decay = gradus::Decay::weights},
        "adamw", "weights");
}

CATCH_TEST_CASE("a schedule's momentum takes the place of beta1 and of SGD's momentum") {
  const auto with_rate = [](auto optimizer, std::optional<double> momentum) {
    auto weight = torch::ones({4}).requires_grad_();
    auto state = optimizer.start({{"weight", weight}});
    for (int step = 0; step < 3; ++step) {
      weight.mutable_grad() = torch::full({4}, 1.0F + static_cast<float>(step));
      optimizer.step(state, {0.1, momentum});
    }
    return weight.detach();
  };
  CATCH_CHECK(
      torch::equal(with_rate(gradus::SGD{}, 0.5), with_rate(gradus::SGD{.momentum = 0.5}, {})));
  CATCH_CHECK(
      torch::equal(with_rate(gradus::AdamW{}, 0.5), with_rate(gradus::AdamW{.beta1 = 0.5}, {})));
}

CATCH_TEST_CASE("a parameter without a gradient stays where it is") {
  auto weight = torch::ones({4}).requires_grad_();
  const gradus::AdamW optimizer;
  auto state = optimizer.start({{"weight", weight}});
  optimizer.step(state, {0.1, std::nullopt});
  CATCH_CHECK(torch::equal(weight.detach(), torch::ones({4})));
}

CATCH_TEST_CASE("Muon moves a weight alike however its channels lie in memory") {
  const auto moved = [](at::MemoryFormat of_weight, at::MemoryFormat of_gradient) {
    torch::manual_seed(0);
    auto weight = torch::randn({6, 4, 3, 3}).contiguous(of_weight).requires_grad_();
    const gradus::Muon optimizer;
    auto state = optimizer.start({{"weight", weight}});
    for (int step = 0; step < 3; ++step) {
      weight.mutable_grad() = torch::randn({6, 4, 3, 3}).contiguous(of_gradient);
      optimizer.step(state, {0.02, std::nullopt});
    }
    return weight.detach().contiguous();
  };
  constexpr auto plain = at::MemoryFormat::Contiguous;
  constexpr auto inside = at::MemoryFormat::ChannelsLast;
  // Newton-Schulz steps run in bfloat16, and sum in the order of memory.
  CATCH_CHECK(at::allclose(moved(inside, inside), moved(plain, plain), 0, 2e-3));
  CATCH_CHECK(at::allclose(moved(inside, plain), moved(inside, inside), 0, 2e-3));
}
