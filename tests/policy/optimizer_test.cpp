#include "catch.hpp"
#include "reference.hpp"
#include <gradus/policy/optimizer/adamw.hpp>
#include <gradus/policy/optimizer/muon.hpp>
#include <gradus/policy/optimizer/rmsprop.hpp>
#include <gradus/policy/optimizer/sgd.hpp>

#include <optional>
#include <string>
#include <vector>

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

namespace {

/// A weight with gradients that depend on the step alone.
struct Stepped {
  at::Tensor weight = (torch::arange(4.0F) / 4 + 0.1).requires_grad_();
  std::vector<gradus::NamedTensor> parameters{{"weight", weight}};

  void step(const gradus::RMSprop& policy, gradus::RMSprop::State& state, int first, int last,
            std::optional<double> momentum = {}) {
    for (int k = first; k < last; ++k) {
      weight.mutable_grad() = (torch::arange(4.0F) * 7 + 3.0F * static_cast<float>(k)).sin();
      policy.step(state, {0.1, momentum});
    }
  }
};

std::vector<std::string> names_in(const gradus::StateDict& state) {
  std::vector<std::string> names;
  for (const auto& entry : state.entries()) names.push_back(entry.name);
  return names;
}

}  // namespace

CATCH_TEST_CASE("RMSprop keeps the moments that it uses") {
  using Names = std::vector<std::string>;
  const auto names = [](const gradus::RMSprop& policy, std::optional<double> momentum = {}) {
    Stepped run;
    auto state = policy.start(run.parameters);
    run.step(policy, state, 0, 2, momentum);
    gradus::StateDict saved;
    policy.save(state, saved);
    return names_in(saved);
  };
  CATCH_CHECK(names({}) == Names{"square.0"});
  CATCH_CHECK(names({.centered = true}) == Names{"square.0", "mean.0"});
  CATCH_CHECK(names({.momentum = 0.9}) == Names{"square.0", "velocity.0"});
  CATCH_CHECK(names({}, 0.9) == Names{"square.0", "velocity.0"});  // of a schedule
  CATCH_CHECK(names({.momentum = 0.9, .centered = true}) ==
              Names{"square.0", "mean.0", "velocity.0"});
}

CATCH_TEST_CASE("RMSprop resumes a run of an older version, which saved three moments") {
  for (const bool centered : {false, true}) {
    for (const double momentum : {0.0, 0.9}) {
      const gradus::RMSprop policy{.momentum = momentum, .centered = centered};
      Stepped run;
      auto state = policy.start(run.parameters);
      run.step(policy, state, 0, 3);
      gradus::StateDict saved;
      policy.save(state, saved);
      gradus::StateDict older;
      for (const auto* name : {"square.0", "mean.0", "velocity.0"}) {
        older.put(name, saved.has(name) ? saved.copy(name) : torch::zeros({4}));
      }
      for (const auto* from : {&saved, &older}) {
        Stepped resumed;
        auto loaded = policy.start(resumed.parameters);
        resumed.step(policy, loaded, 0, 1);
        {
          const at::NoGradGuard no_grad;
          resumed.weight.copy_(run.weight);
        }
        policy.load(loaded, *from);
        CATCH_CHECK_NOTHROW(from->refuse_unread());
        Stepped whole;
        auto of_whole = policy.start(whole.parameters);
        whole.step(policy, of_whole, 0, 6);
        resumed.step(policy, loaded, 3, 6);
        CATCH_CHECK(torch::equal(resumed.weight, whole.weight));
      }
    }
  }
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
