#include "../train/toys.hpp"
#include "catch.hpp"
#include <gradus/compose/policy_members.hpp>
#include <gradus/policy/optimizer/adamw.hpp>
#include <gradus/policy/optimizer/group.hpp>
#include <gradus/policy/optimizer/grouped.hpp>
#include <gradus/policy/optimizer/lookahead.hpp>
#include <gradus/policy/optimizer/muon.hpp>
#include <gradus/policy/optimizer/rmsprop.hpp>
#include <gradus/policy/optimizer/sgd.hpp>
#include <gradus/testing.hpp>

#include <optional>
#include <string>
#include <vector>

using namespace gradus;

namespace {

using Slowed = Lookahead<Preset<SGD{.lr = 0.5}>>;

template <class P>
concept StepsOnDevice = requires { &P::step_on_device; };

/// One parameter, whose gradient is the weight itself: a quadratic loss.
struct Bowl {
  at::Tensor weight = torch::tensor({1.0, -2.0}, torch::kDouble).requires_grad_();
  std::vector<NamedTensor> parameters{{"weight", weight}};
  void set_gradient() { weight.mutable_grad() = weight.detach().clone(); }
};

}  // namespace

CATCH_TEST_CASE("Lookahead goes part of the way that its optimizer has gone, every few steps") {
  const Slowed policy{.every = 2, .fraction = 0.25};
  Bowl bowl;
  auto state = policy.start(bowl.parameters);
  double fast = 1, slow = 1;
  for (int step = 1; step <= 6; ++step) {
    bowl.set_gradient();
    policy.step(state, {0.5, {}});
    fast -= 0.5 * fast;
    if (step % 2 == 0) fast = slow += 0.25 * (fast - slow);
    CATCH_CHECK(bowl.weight[0].item<double>() == fast);
    CATCH_CHECK(bowl.weight[1].item<double>() == -2 * fast);
  }
}

CATCH_TEST_CASE("steps of the device and of the host are one count, and void ones are none") {
  const Slowed policy{.every = 3};
  const auto rate = torch::full({1}, 0.5, torch::kDouble);
  Bowl host, mixed;
  auto of_host = policy.start(host.parameters), of_mixed = policy.start(mixed.parameters);
  for (int step = 0; step < 12; ++step) {
    host.set_gradient();
    policy.step(of_host, {0.5, {}});
    mixed.set_gradient();
    if (step % 5 < 2) {
      policy.step(of_mixed, {0.5, {}});
    } else {
      policy.step_on_device(of_mixed, {0.5, {}}, rate, torch::ones({1}));
      policy.step_on_device(of_mixed, {0.5, {}}, rate, torch::zeros({1}));
    }
    CATCH_CHECK(mixed.weight.equal(host.weight));
  }
}

CATCH_TEST_CASE("a second run of Lookahead begins with its weights, whatever the first one had") {
  const RunSettings run{.epochs = 1, .max_steps = 4, .device = c10::kCPU};
  Trainer<Perceptron, Slowed> twice(perceptron(), run);
  twice.fit(Points(40));
  {
    const at::NoGradGuard no_grad;
    for (auto& parameter : twice.model()->parameters()) parameter.fill_(0.01);
  }
  Trainer<Perceptron, Slowed> once(perceptron(), run);
  {
    const at::NoGradGuard no_grad;
    for (auto& parameter : once.model()->parameters()) parameter.fill_(0.01);
  }
  twice.fit(Points(40));
  once.fit(Points(40));
  for (std::size_t i = 0; i < 4; ++i) {
    CATCH_CHECK(twice.model()->parameters()[i].equal(once.model()->parameters()[i]));
  }
}

CATCH_TEST_CASE("groups give their factors to the optimizer within Lookahead") {
  const auto slowed = Group{.parameters = "*", .rate = 10, .decay = 0}.of(Lookahead<Muon>{});
  CATCH_CHECK(slowed.lr == 10 * Muon{}.lr);
  CATCH_CHECK(slowed.optimizer.fallback.lr == 10 * Muon{}.fallback.lr);
  CATCH_CHECK(slowed.optimizer.weight_decay == 0);
  static_assert(Group::can_decay<Lookahead<AdamW>>);
}

CATCH_TEMPLATE_TEST_CASE("Lookahead keeps the laws of optimizers, whatever it is around", "",
                         Slowed, Lookahead<Muon>, Lookahead<AdamW>, Lookahead<RMSprop>) {
  testing::check_laws<TestType>();
  testing::check_laws(TestType{.every = 1, .fraction = 0.8});
}

CATCH_TEST_CASE("Lookahead without steps between, or without a way to go, is refused") {
  Trainer<Perceptron, Slowed>::policies_type policies;
  policies.at<slot::optimizer>().every = 0;
  CATCH_CHECK_THROWS_WITH((Trainer<Perceptron, Slowed>(perceptron(), {}, policies)),
                          Catch::Matchers::ContainsSubstring("every"));
  policies.at<slot::optimizer>() = {.fraction = 0};
  CATCH_CHECK_THROWS_WITH((Trainer<Perceptron, Slowed>(perceptron(), {}, policies)),
                          Catch::Matchers::ContainsSubstring("fraction"));
}

CATCH_TEST_CASE("a step without anything to move moves nothing") {
  // As where all is frozen, or belongs to other processes.
  const Lookahead<AdamW> policy{.every = 1};
  auto state = policy.start({{"weight", at::ones({2, 2})}});
  policy.step(state, {1, std::nullopt});
  policy.step_on_device(state, {1, std::nullopt}, at::ones({1}), at::zeros({1}));
  CATCH_CHECK(state.parameters[0].equal(at::ones({2, 2})));
}

// So that their runs are resumed: every number is declared, whatever is within them.
using InGroups = Grouped<Lookahead<Muon>, Group{.parameters = "fc.*", .rate = 10}>;
static_assert(!has_unknown_member<InGroups> && !has_unknown_member<Lookahead<InGroups>> &&
              !has_unknown_member<Lookahead<AdamW>>);

static_assert(StepsOnDevice<Lookahead<Muon>> && !StepsOnDevice<Lookahead<RMSprop>>);
