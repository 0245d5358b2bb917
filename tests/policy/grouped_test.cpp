// Groups of parameters with numbers or optimizers of their own.
#include "catch.hpp"
#include <gradus/compose/slot.hpp>
#include <gradus/error.hpp>
#include <gradus/policy/optimizer/adamw.hpp>
#include <gradus/policy/optimizer/grouped.hpp>
#include <gradus/policy/optimizer/muon.hpp>
#include <gradus/policy/optimizer/rmsprop.hpp>
#include <gradus/policy/optimizer/sgd.hpp>
#include <gradus/policy/precision/mixed.hpp>
#include <gradus/policy/schedule/cosine.hpp>
#include <gradus/settings/policy_settings.hpp>
#include <gradus/train/stepper.hpp>

#include <torch/torch.h>

#include <vector>

using namespace gradus;
using Catch::Matchers::ContainsSubstring;

namespace {

using Net = torch::nn::Sequential;

Net net_of(std::uint64_t seed = 1) {
  torch::manual_seed(seed);
  return Net(torch::nn::Linear(3, 5), torch::nn::Tanh(), torch::nn::Linear(5, 2));
}

at::Tensor rows(std::int64_t number) {
  return at::arange(12, at::kFloat).reshape({4, 3}).add(static_cast<double>(number)).sin();
}

template <class S>
void train(S& stepper, std::int64_t first, std::int64_t count) {
  for (std::int64_t i = first; i < first + count; ++i) {
    stepper.backward(
        stepper.forward([&] { return stepper.model()->forward(rows(i)).square().mean(); }));
  }
}

double distance(Net& one, Net& other) {
  double most = 0;
  const auto a = one->parameters();
  const auto b = other->parameters();
  for (std::size_t i = 0; i < a.size(); ++i) {
    most = std::max(most, (a[i] - b[i]).abs().max().item<double>());
  }
  return most;
}

const StepperSettings six{.total_steps = 6, .device = at::kCPU};

using TwoRates = Grouped<Preset<AdamW{.lr = 1e-3, .weight_decay = 0.1}>,
                         Group{.parameters = "2.*", .form = GroupForm::weights, .rate = 10},
                         Group{.parameters = "*.bias", .decay = 0}>;

}  // namespace

CATCH_TEST_CASE("groups step as the parameter groups of torch.optim") {
  auto net = net_of();
  Stepper<Net, TwoRates> stepper(net, six);
  auto twin = net_of();
  const auto of = [&](const char* name) { return twin->named_parameters()[name]; };
  std::vector<torch::optim::OptimizerParamGroup> groups;
  const auto add = [&](std::vector<at::Tensor> parameters, double lr, double decay) {
    groups.emplace_back(std::move(parameters),
                        std::make_unique<torch::optim::AdamWOptions>(
                            torch::optim::AdamWOptions(lr).weight_decay(decay)));
  };
  add({of("0.weight")}, 1e-3, 0.1);
  add({of("2.weight")}, 1e-2, 0.1);
  add({of("0.bias"), of("2.bias")}, 1e-3, 0);
  torch::optim::AdamW by_hand(groups, torch::optim::AdamWOptions(1e-3));
  train(stepper, 0, 6);
  for (std::int64_t i = 0; i < 6; ++i) {
    by_hand.zero_grad();
    twin->forward(rows(i)).square().mean().backward();
    by_hand.step();
  }
  CATCH_CHECK(distance(net, twin) < 1e-6);
}

CATCH_TEST_CASE("a group with an optimizer of its own keeps its proportion under a schedule") {
  using Both = Grouped<Preset<AdamW{.lr = 1e-2}>,
                       GroupWith<Preset<SGD{.lr = 0.5, .momentum = 0.9}>>{.parameters = "2.*"}>;
  auto net = net_of();
  Stepper<Net, Both, Cosine> stepper(net, six);
  auto twin = net_of();
  torch::optim::AdamW first(twin[0]->parameters(), torch::optim::AdamWOptions(1e-2));
  torch::optim::SGD second(twin[2]->parameters(), torch::optim::SGDOptions(0.5).momentum(0.9));
  for (std::int64_t i = 0; i < 6; ++i) {
    const double factor = stepper.rates().learning_rate / 1e-2;
    static_cast<torch::optim::AdamWOptions&>(first.param_groups()[0].options()).lr(1e-2 * factor);
    static_cast<torch::optim::SGDOptions&>(second.param_groups()[0].options()).lr(0.5 * factor);
    train(stepper, i, 1);
    twin->zero_grad();
    twin->forward(rows(i)).square().mean().backward();
    first.step();
    second.step();
  }
  CATCH_CHECK(distance(net, twin) < 1e-6);
}

CATCH_TEMPLATE_TEST_CASE("groups resume to the bit", "", TwoRates,
                         (Grouped<Muon, GroupWith<RMSprop>{.parameters = "2.*"}>)) {
  // Where the optimizers can, the device decides which steps to skip.
  using Scaled = Preset<Mixed{.type = MixedType::float16, .scaling = Scaling::on}>;
  using S = Stepper<Net, TestType, Cosine, Scaled>;
  auto net = net_of();
  S straight(net, six);
  train(straight, 0, 6);
  auto half = net_of();
  S before(half, six);
  train(before, 0, 3);
  auto other = net_of(7);
  S after(other, six);
  after.load_state(before.save_state());
  train(after, 3, 3);
  CATCH_CHECK(distance(net, other) == 0);
}

CATCH_TEST_CASE("groups are settings like others, and say what is wrong with them") {
  PolicySet<TwoRates> policies;
  const auto json = policies_to_json(policies)["optimizer"];
  CATCH_CHECK(json["policy"] == "Grouped");
  CATCH_CHECK(json["lr"] == 1e-3);
  CATCH_CHECK(json["weight_decay"] == 0.1);
  CATCH_CHECK(json["group1.parameters"] == "2.*");
  CATCH_CHECK(json["group2.decay"] == 0.0);
  CATCH_CHECK_FALSE(json.contains("optimizer.lr"));

  using S = Stepper<Net, TwoRates>;
  const auto refusal = [&](const std::string& field, const nlohmann::json& value) {
    S::policies_type changed;
    try {
      set_policy_field(changed, "optimizer", field, value);
      S(net_of(), six, changed);
    } catch (const ConfigurationError& error) {
      return std::string(error.what());
    }
    return std::string();
  };
  CATCH_CHECK(refusal("group1.rate", 0.1).empty());
  CATCH_CHECK_THAT(refusal("group1.rate", 0), ContainsSubstring("above 0"));
  CATCH_CHECK_THAT(refusal("group1.parameters", "3.*"),
                   ContainsSubstring("group1") && ContainsSubstring("takes no parameter"));
  CATCH_CHECK_THAT(refusal("group1.form", "all"),
                   ContainsSubstring("'2.bias'") && ContainsSubstring("group1 and group2"));
  CATCH_CHECK_THAT(refusal("group1.parameters", "two words"), ContainsSubstring("a pattern"));

  auto net = net_of();
  S saved(net, six);
  S::policies_type others;
  set_policy_field(others, "optimizer", "group1.parameters", "0.*");
  S changed(net_of(), six, others);
  CATCH_CHECK_THROWS_WITH(changed.load_state(saved.save_state()),
                          ContainsSubstring("other groups"));
}

CATCH_TEST_CASE(
    "what the optimizers of groups find wrong is found, and Muon's fallback has the factors") {
  using Nested = Grouped<SGD, Group{.parameters = "2.*"}>;
  Stepper<Net, Nested>::policies_type policies;
  set_policy_field(policies, "optimizer", "nesterov", true);
  CATCH_CHECK_THROWS_AS((Stepper<Net, Nested>(net_of(), six, policies)), ConfigurationError);

  const auto group = Group{.parameters = "*", .rate = 10, .decay = 0}.of(Muon{});
  CATCH_CHECK(group.fallback.lr == 10 * Muon{}.fallback.lr);
  CATCH_CHECK(group.fallback.weight_decay == 0);
}

namespace {

struct TiedImpl : torch::nn::Module {
  torch::nn::Linear first = register_module("first", torch::nn::Linear(3, 3));
  torch::nn::Linear second = register_module("second", torch::nn::Linear(3, 3));

  TiedImpl() { tie_parameter(*second, "weight", second->weight, first->weight); }
  at::Tensor forward(const at::Tensor& x) { return second(first(x).tanh()); }
};
TORCH_MODULE(Tied);

}  // namespace

CATCH_TEST_CASE("either name of a shared weight puts it in a group, both in two are refused") {
  const auto trained = [](const char* pattern) {
    using S = Stepper<Tied, Grouped<SGD, Group{.parameters = "*", .rate = 10}>>;
    S::policies_type policies;
    set_policy_field(policies, "optimizer", "group1.parameters", pattern);
    torch::manual_seed(1);
    Tied net;
    S stepper(net, six, policies);
    train(stepper, 0, 3);
    return net->first->weight.detach().clone();
  };
  CATCH_CHECK(trained("second.weight").equal(trained("first.weight")));
  CATCH_CHECK_FALSE(trained("second.weight").equal(trained("second.bias")));

  using Both = Grouped<SGD, Group{.parameters = "first.*"}, Group{.parameters = "second.*"}>;
  CATCH_CHECK_THROWS_WITH((Stepper<Tied, Both>(Tied(), six)),
                          ContainsSubstring("'first.weight' (also 'second.weight')") &&
                              ContainsSubstring("group1 and group2"));
}
