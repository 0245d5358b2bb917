// Parts of a model that are frozen, and unfrozen.
#include "../train/toys.hpp"
#include "catch.hpp"
#include <gradus/error.hpp>
#include <gradus/policy/freezing/freeze.hpp>
#include <gradus/policy/optimizer/adamw.hpp>
#include <gradus/policy/sharing/tie_weights.hpp>
#include <gradus/settings/policy_settings.hpp>
#include <gradus/train/trainer.hpp>

#include <torch/torch.h>

#include <string>
#include <vector>

using namespace gradus;
using Catch::Matchers::ContainsSubstring;

namespace {

struct NormedImpl : torch::nn::Module {
  torch::nn::Linear body = register_module("body", torch::nn::Linear(6, 8));
  torch::nn::BatchNorm1d norm = register_module("norm", torch::nn::BatchNorm1d(8));
  torch::nn::Linear head = register_module("head", torch::nn::Linear(8, 3));

  at::Tensor forward(const at::Tensor& x) { return head(norm(body(x)).tanh()); }
};
TORCH_MODULE(Normed);

Normed normed() {
  torch::manual_seed(0);
  return Normed();
}

using Thaws = Trainer<Normed, Preset<AdamW{.lr = 0.01}>,
                      Preset<Freeze{.parameters = "body.*|norm.*", .epochs = 2}>>;
const RunSettings four_epochs{.epochs = 4, .device = c10::kCPU};

/// What the model is after each epoch.
struct Watch {
  Normed model;
  std::vector<at::Tensor> bodies{}, means{}, heads{};
  std::vector<bool> trains{};

  void on(const EpochEnd&) {
    bodies.push_back(model->body->weight.detach().clone());
    means.push_back(model->norm->running_mean.clone());
    heads.push_back(model->head->weight.detach().clone());
    trains.push_back(model->norm->is_training());
  }
};

std::vector<std::string> moments_of(Thaws& trainer) {
  std::vector<std::string> names;
  const auto state = trainer.save_state();
  for (const auto& [name, tensor] : state.entries()) {
    if (name.find("first_moment") != std::string::npos) names.push_back(name);
  }
  return names;
}

}  // namespace

CATCH_TEST_CASE("what is frozen keeps its statistics, and has no moments, until it is unfrozen") {
  auto model = normed();
  const auto body = model->body->weight.detach().clone();
  const auto mean = model->norm->running_mean.clone();
  Thaws trainer(model, four_epochs);
  CATCH_CHECK(moments_of(trainer).size() == 2);  // weight and bias of the head
  Watch watch{model};
  trainer.fit(Points(40), watch);
  CATCH_REQUIRE(watch.bodies.size() == 4);
  for (const std::size_t epoch : {0U, 1U}) {
    CATCH_CHECK(watch.bodies[epoch].equal(body));
    CATCH_CHECK(watch.means[epoch].equal(mean));
    CATCH_CHECK_FALSE(watch.trains[epoch]);
  }
  CATCH_CHECK_FALSE(watch.heads[0].equal(watch.heads[1]));
  for (const std::size_t epoch : {2U, 3U}) {
    CATCH_CHECK_FALSE(watch.bodies[epoch].equal(watch.bodies[epoch - 1]));
    CATCH_CHECK_FALSE(watch.means[epoch].equal(watch.means[epoch - 1]));
    CATCH_CHECK(watch.trains[epoch]);
  }
  CATCH_CHECK(moments_of(trainer).size() == 6);
}

CATCH_TEST_CASE("norms of a frozen part may keep learning their statistics") {
  auto model = normed();
  Thaws::policies_type policies;
  set_policy_field(policies, "freezing", "norms", false);
  Thaws trainer(model, four_epochs, policies);
  Watch watch{model};
  trainer.fit(Points(40), watch);
  CATCH_CHECK(watch.bodies[0].equal(watch.bodies[1]));
  CATCH_CHECK_FALSE(watch.means[0].equal(watch.means[1]));
}

CATCH_TEST_CASE("a second run freezes again") {
  auto model = normed();
  Thaws trainer(model, four_epochs);
  trainer.fit(Points(40));
  const auto body = model->body->weight.detach().clone();
  Watch watch{model};
  trainer.fit(Points(40), watch);
  CATCH_CHECK(watch.bodies[1].equal(body));
  CATCH_CHECK_FALSE(watch.bodies[2].equal(body));
}

CATCH_TEST_CASE(
    "a last batch of one sample is refused for norms that are unfrozen later, before step 0") {
  const auto run = [](std::int64_t epochs, std::int64_t frozen_epochs, std::int64_t samples) {
    Thaws::policies_type policies;
    policies.at<slot::freezing>().epochs = frozen_epochs;
    auto model = normed();
    Thaws trainer(model, {.epochs = epochs, .device = c10::kCPU}, policies);
    const auto weights = weights_of(*model);
    try {
      return trainer.fit(Points(samples)).epochs.size();
    } catch (const ConfigurationError& error) {
      CATCH_CHECK_THAT(error.what(),
                       ContainsSubstring("leaves a batch norm one value per channel"));
      CATCH_CHECK(weights_of(*model).equal(weights));
      CATCH_CHECK(model->norm->running_mean.equal(torch::zeros({8})));
      CATCH_CHECK_FALSE(model->norm->is_training());
      return std::size_t{0};
    }
  };
  const auto batch = Thaws::policies_type().at<slot::loading>().plan().batch_size;
  CATCH_CHECK(run(4, 2, batch + 1) == 0);
  CATCH_CHECK(run(3, 2, batch + 1) == 0);
  CATCH_CHECK(run(2, 2, batch + 1) == 2);  // they are never unfrozen
  CATCH_CHECK(run(2, 0, batch + 1) == 2);
  CATCH_CHECK(run(4, 2, batch + 2) == 4);
}

CATCH_TEST_CASE("a freezing that freezes nothing, or all, is refused") {
  const auto refusal = [](const char* pattern) {
    Thaws::policies_type policies;
    set_policy_field(policies, "freezing", "parameters", pattern);
    try {
      Thaws(normed(), four_epochs, policies);
    } catch (const ConfigurationError& error) {
      return std::string(error.what());
    }
    return std::string();
  };
  CATCH_CHECK_THAT(refusal("neck.*"),
                   ContainsSubstring("no parameter") && ContainsSubstring("'body.weight'"));
  CATCH_CHECK_THAT(refusal("*"), ContainsSubstring("nothing can be learned"));
}

namespace {

struct TiedImpl : torch::nn::Module {
  torch::nn::Linear first = register_module("first", torch::nn::Linear(6, 6));
  torch::nn::Linear second = register_module("second", torch::nn::Linear(6, 6));
  torch::nn::Linear head = register_module("head", torch::nn::Linear(6, 3));

  at::Tensor forward(const at::Tensor& x) { return head(second(first(x).tanh()).tanh()); }
};
TORCH_MODULE(Tied);

}  // namespace

CATCH_TEST_CASE("either name of a shared weight freezes and unfreezes it") {
  using T = Trainer<Tied, Preset<AdamW{.lr = 0.01}>, Freeze,
                    TieWeights<&TiedImpl::first, &TiedImpl::second>>;
  for (const char* pattern : {"first.weight", "second.weight", "second.*"}) {
    T::policies_type policies;
    set_policy_field(policies, "freezing", "parameters", pattern);
    set_policy_field(policies, "freezing", "epochs", 1);
    Tied model;
    T trainer(model, {.epochs = 2, .device = c10::kCPU}, policies);
    CATCH_CHECK_FALSE(model->first->weight.requires_grad());
    CATCH_CHECK(model->first->bias.requires_grad());
    struct Weights {
      Tied model;
      std::vector<at::Tensor> values{};
      void on(const EpochEnd&) { values.push_back(model->second->weight.detach().clone()); }
    } weights{model};
    const auto before = model->first->weight.detach().clone();
    trainer.fit(Points(40), weights);
    CATCH_CHECK(weights.values[0].equal(before));
    CATCH_CHECK_FALSE(weights.values[1].equal(before));
  }
}
