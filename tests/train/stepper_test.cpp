// Steps of a loop of one's own: what a Stepper makes of the losses that it is given.
#include "catch.hpp"
#include "folder.hpp"
#include <gradus/checkpoint/state_file.hpp>
#include <gradus/core/state_dict.hpp>
#include <gradus/error.hpp>
#include <gradus/policy/accumulation/accumulate.hpp>
#include <gradus/policy/averaging/ema.hpp>
#include <gradus/policy/clipping/clip_norm.hpp>
#include <gradus/policy/freezing/freeze.hpp>
#include <gradus/policy/guard/guard.hpp>
#include <gradus/policy/optimizer/adamw.hpp>
#include <gradus/policy/optimizer/sgd.hpp>
#include <gradus/policy/precision/mixed.hpp>
#include <gradus/policy/schedule/cosine.hpp>
#include <gradus/train/stepper.hpp>

#include <torch/torch.h>

#include <cmath>
#include <string>
#include <utility>
#include <vector>

using namespace gradus;
using Catch::Matchers::ContainsSubstring;

namespace {

using Net = torch::nn::Sequential;

Net small_net(std::uint64_t seed = 1) {
  torch::manual_seed(seed);
  return Net(torch::nn::Linear(3, 5), torch::nn::Tanh(), torch::nn::Linear(5, 1));
}

/// Rows that no two calls have in common.
at::Tensor rows(std::int64_t count, std::int64_t number) {
  return at::arange(count * 3, at::kFloat)
      .reshape({count, 3})
      .add(static_cast<double>(number))
      .sin();
}

std::vector<at::Tensor> weights_of(Net& net) {
  std::vector<at::Tensor> list;
  for (const auto& weight : net->parameters()) list.push_back(weight.detach().clone());
  return list;
}

bool equal(const std::vector<at::Tensor>& one, const std::vector<at::Tensor>& other) {
  bool same = one.size() == other.size();
  for (std::size_t i = 0; same && i < one.size(); ++i) same = one[i].equal(other[i]);
  return same;
}

double distance(const std::vector<at::Tensor>& one, const std::vector<at::Tensor>& other) {
  double most = 0;
  for (std::size_t i = 0; i < one.size(); ++i) {
    most = std::max(most, (one[i] - other[i]).abs().max().item<double>());
  }
  return most;
}

StepperSettings steps(std::int64_t total) { return {.total_steps = total, .device = at::kCPU}; }

/// Trains `stepper` on batches [first, first + count).
template <class S>
void train(S& stepper, std::int64_t first, std::int64_t count) {
  for (std::int64_t i = first; i < first + count; ++i) {
    const auto loss =
        stepper.forward([&] { return stepper.model()->forward(rows(4, i)).square().mean(); });
    stepper.backward(loss, 4);
  }
}

}  // namespace

CATCH_TEST_CASE("a stepper makes the steps of torch.optim") {
  auto net = small_net();
  Stepper<Net, AdamW> stepper(net, steps(5));
  auto twin = small_net();
  torch::optim::AdamW by_hand(twin->parameters(), torch::optim::AdamWOptions(1e-3));
  for (std::int64_t i = 0; i < 5; ++i) {
    CATCH_CHECK(stepper.backward(net->forward(rows(4, i)).square().mean()));
    by_hand.zero_grad();
    twin->forward(rows(4, i)).square().mean().backward();
    by_hand.step();
  }
  CATCH_CHECK(stepper.steps() == 5);
  CATCH_CHECK(distance(weights_of(net), weights_of(twin)) < 1e-6);
}

CATCH_TEST_CASE("micro-batches of unlike weight accumulate to the step of one batch") {
  auto net = small_net();
  auto twin = small_net();
  Stepper<Net, AdamW, Preset<Accumulate{.steps = 3}>> parts(net, steps(1));
  Stepper<Net, AdamW> whole(twin, steps(1));
  const auto all = rows(9, 0);
  std::int64_t first = 0;
  std::int64_t ended = 0;
  for (const std::int64_t size : {2, 6, 1}) {
    const auto loss = net->forward(all.narrow(0, first, size)).square().mean();
    ended += parts.backward(loss, static_cast<double>(size)) ? 1 : 0;
    first += size;
  }
  CATCH_CHECK(ended == 1);
  CATCH_CHECK(whole.backward(twin->forward(all).square().mean(), 9));
  CATCH_CHECK(distance(weights_of(net), weights_of(twin)) < 1e-6);
  CATCH_CHECK(std::abs(*parts.mean_loss() - *whole.mean_loss()) < 1e-6);
}

CATCH_TEST_CASE("a heavy micro-batch behind a light one overflows no float16 gradient") {
  using Scaled = Preset<Mixed{.type = MixedType::float16, .initial_scale = 4096}>;
  auto net = small_net();
  auto twin = small_net();
  Stepper<Net, SGD, Scaled, Preset<Accumulate{.steps = 2}>> parts(net, steps(1));
  Stepper<Net, SGD, Preset<Accumulate{.steps = 2}>> exact(twin, steps(1));
  for (const double weight : {1.0, 1024.0}) {
    const auto row = rows(1, static_cast<std::int64_t>(weight));
    parts.backward(parts.forward([&] { return as_float32(net->forward(row)).sum(); }), weight);
    exact.backward(exact.forward([&] { return twin->forward(row).sum(); }), weight);
  }
  CATCH_CHECK(parts.steps() == 1);
  CATCH_CHECK(parts.mean_loss().has_value());  // which is absent if the device has skipped the step
  CATCH_CHECK(parts.steps() == 1);
  CATCH_CHECK(distance(weights_of(net), weights_of(twin)) < 1e-3);
}

CATCH_TEST_CASE("an unfinished window steps when it is asked to, weighted by what it holds") {
  auto net = small_net();
  auto twin = small_net();
  Stepper<Net, AdamW, Preset<Accumulate{.steps = 4}>> parts(net, steps(1));
  Stepper<Net, AdamW> whole(twin, steps(1));
  CATCH_CHECK_FALSE(parts.finish());
  CATCH_CHECK_FALSE(parts.backward(net->forward(rows(4, 0)).square().mean(), 4));
  CATCH_CHECK(parts.finish());
  whole.backward(twin->forward(rows(4, 0)).square().mean(), 4);
  CATCH_CHECK(distance(weights_of(net), weights_of(twin)) < 1e-6);
}

CATCH_TEST_CASE("a loss that passes through another model leaves nothing there") {
  auto net = small_net(1);
  auto other = small_net(2);
  Stepper<Net, AdamW> player(net, steps(4));
  Stepper<Net, AdamW> judge(other, steps(4));
  const auto judges = weights_of(other);
  {
    const auto constant = judge.constant_weights();
    const auto made = net->forward(rows(4, 0)).expand({4, 3});
    player.backward(other->forward(made).mean());
  }
  for (const auto& weight : other->parameters()) {
    CATCH_CHECK(weight.requires_grad());
    CATCH_CHECK_FALSE(weight.grad().defined());
  }
  CATCH_CHECK(equal(judges, weights_of(other)));
  // Without the scope gradients are left, which the other's next window does not see.
  player.backward(other->forward(net->forward(rows(4, 0)).expand({4, 3})).mean());
  auto twin = small_net(2);
  Stepper<Net, AdamW> fresh(twin, steps(4));
  judge.backward(other->forward(rows(4, 1)).square().mean());
  fresh.backward(twin->forward(rows(4, 1)).square().mean());
  CATCH_CHECK(equal(weights_of(other), weights_of(twin)));
}

using Scaled = Preset<Mixed{.type = MixedType::float16, .scaling = Scaling::on}>;
using Averaged = Stepper<Net, AdamW, Cosine, Preset<Accumulate{.steps = 2}>, ClipNorm, EMA, Scaled>;
/// Here the device decides which steps to skip.
using OnDevice = Stepper<Net, AdamW, Cosine, Preset<Accumulate{.steps = 2}>, Scaled>;

CATCH_TEMPLATE_TEST_CASE("a stepper resumes to the bit", "", Averaged, OnDevice) {
  using Full = TestType;
  auto net = small_net();
  Full straight(net, steps(6));
  train(straight, 0, 12);

  auto first = small_net();
  Full before(first, steps(6));
  train(before, 0, 6);
  const gradus::test::Folder folder;
  write_state(folder.path() / "stepper.safetensors", before.save_state());
  const auto state = read_state(folder.path() / "stepper.safetensors");
  auto second = small_net(7);
  Full after(second, steps(6));
  after.load_state(state);
  CATCH_CHECK(after.steps() == before.steps());
  train(after, 6, 6);
  CATCH_CHECK(equal(weights_of(net), weights_of(second)));
  const auto of_straight = straight.save_state();
  const auto of_after = after.save_state();
  for (const auto& [name, tensor] : of_straight.entries()) {
    CATCH_INFO(name);
    CATCH_CHECK(of_after.copy(name).equal(tensor));
  }
}

CATCH_TEST_CASE(
    "the mean loss is that since it was asked for, however often it was read meanwhile") {
  const auto mean_of = [](std::int64_t read_every) {
    auto settings = steps(9);
    settings.read_every = read_every;
    Stepper<Net, AdamW> stepper(small_net(), settings);
    train(stepper, 0, 2);
    CATCH_CHECK(stepper.mean_loss());
    train(stepper, 2, 4);
    return stepper.mean_loss().value();
  };
  CATCH_CHECK(mean_of(2) == mean_of(50));
  Stepper<Net, AdamW> idle(small_net(), steps(1));
  CATCH_CHECK_FALSE(idle.mean_loss());
}

CATCH_TEST_CASE("a stepper announces the warnings of its guard, once in a row") {
  auto settings = steps(40);
  settings.read_every = 1;
  std::vector<std::string> warnings;
  settings.announce = [&](const std::string& warning) { warnings.push_back(warning); };
  const auto losses = [](auto& stepper) {  // one of step 8 is a spike, and far above the best
    for (std::int64_t i = 0; i < 12; ++i) {
      const double level = 1 + 0.01 * static_cast<double>(i % 3) + (i == 7 ? 50 : 0);
      stepper.backward(stepper.model()->forward(rows(4, 0)).square().mean() * 0 + level);
    }
  };
  Stepper<Net, AdamW, Preset<Guard{.spike = 7, .spike_readings = 5}>> spikes(small_net(), settings);
  losses(spikes);
  CATCH_REQUIRE(warnings.size() == 1);
  CATCH_CHECK_THAT(warnings[0], ContainsSubstring("the training loss has a spike") &&
                                    ContainsSubstring("at optimizer step"));
  warnings.clear();
  Stepper<Net, AdamW, Preset<Guard{.divergence = 3, .on_divergence = OnDivergence::warn}>> diverges(
      small_net(), settings);
  losses(diverges);
  CATCH_REQUIRE(warnings.size() == 1);
  CATCH_CHECK_THAT(warnings[0], ContainsSubstring("guard.divergence"));
  settings.announce = {};
  Stepper<Net, AdamW, Preset<Guard{.spike = 7, .spike_readings = 5}>> silent(small_net(), settings);
  CATCH_CHECK_NOTHROW(losses(silent));
}

CATCH_TEST_CASE("a stepper without a trained parameter says so") {
  auto net = small_net();
  for (auto& parameter : net->parameters()) parameter.requires_grad_(false);
  Stepper<Net, AdamW> stepper(net, steps(1));
  CATCH_CHECK_THROWS_WITH(stepper.backward(net->forward(rows(4, 0)).square().mean()),
                          ContainsSubstring("are frozen, so nothing can be learned"));
  CATCH_CHECK(stepper.steps() == 0);
}

CATCH_TEST_CASE("what a stepper cannot do is said in a sentence") {
  auto net = small_net();
  CATCH_CHECK_THROWS_WITH((Stepper<Net, AdamW>(net, steps(0))),
                          ContainsSubstring("total_steps") && ContainsSubstring("at least 1"));
  Stepper<Net, AdamW, Preset<Accumulate{.steps = 2}>> stepper(net, steps(4));
  CATCH_CHECK_THROWS_WITH(stepper.backward(net->forward(rows(4, 0)).mean(), 0),
                          ContainsSubstring("weight 0.0") && ContainsSubstring("above 0"));
  stepper.backward(net->forward(rows(4, 0)).mean());
  CATCH_CHECK_THROWS_WITH(stepper.save_state(), ContainsSubstring("within a window"));
  stepper.backward(net->forward(rows(4, 0)).mul(std::nan("")).mean());
  CATCH_CHECK_THROWS_AS(stepper.mean_loss(), NumericError);
}

CATCH_TEST_CASE("a stepper is saved between steps, and loads its own kind alone") {
  auto net = small_net();
  using S = Stepper<Net, AdamW, Cosine>;
  S stepper(net, steps(4));
  train(stepper, 0, 2);
  {
    const auto constant = stepper.constant_weights();
    CATCH_CHECK_THROWS_WITH(stepper.save_state(), ContainsSubstring("constants"));
  }
  {
    Stepper<Net, AdamW, Cosine, EMA> averages(small_net(), steps(4));
    train(averages, 0, 2);
    const auto own = averages.save_state();
    const auto averaged = averages.evaluation_weights();
    CATCH_CHECK_THROWS_WITH(averages.save_state(), ContainsSubstring("saved while it holds"));
    CATCH_CHECK_THROWS_WITH(averages.load_state(own), ContainsSubstring("while it holds"));
    CATCH_CHECK_THROWS_WITH(train(averages, 2, 1), ContainsSubstring("trained while it holds"));
  }
  const auto state = stepper.save_state();
  const auto before = weights_of(net);
  train(stepper, 2, 1);
  S longer(small_net(), steps(5));
  CATCH_CHECK_THROWS_WITH(longer.load_state(state), ContainsSubstring("total_steps"));
  // One that has less, or more, leaves what was there.
  auto other = small_net(9);
  const auto untouched = weights_of(other);
  Stepper<Net, AdamW, Cosine, EMA> averaging(other, steps(4));
  CATCH_CHECK_THROWS_AS(averaging.load_state(state), CheckpointError);
  CATCH_CHECK(equal(weights_of(other), untouched));
  S plain(other, steps(4));
  auto averaged = small_net();
  const auto with_more = Stepper<Net, AdamW, Cosine, EMA>(averaged, steps(4)).save_state();
  CATCH_CHECK_THROWS_AS(plain.load_state(with_more), CheckpointError);
  CATCH_CHECK(equal(weights_of(other), untouched));
  stepper.load_state(state);
  CATCH_CHECK(equal(weights_of(net), before));
}

CATCH_TEST_CASE("a window that an exception cut short begins again") {
  auto net = small_net();
  auto twin = small_net();
  using S = Stepper<Net, AdamW, Preset<Accumulate{.steps = 2}>>;
  S stepper(net, steps(2));
  S undisturbed(twin, steps(2));
  stepper.backward(net->forward(rows(4, 5)).square().mean(), 4);
  CATCH_CHECK_THROWS(stepper.backward(at::ones({})));  // no gradient leads anywhere
  train(stepper, 0, 2);
  train(undisturbed, 0, 2);
  CATCH_CHECK(equal(weights_of(net), weights_of(twin)));
  CATCH_CHECK(*stepper.mean_loss() == *undisturbed.mean_loss());
}

CATCH_TEST_CASE("a step that is skipped leaves the statistics of before its window") {
  torch::manual_seed(1);
  torch::nn::BatchNorm1d norm(3);
  Net net(norm, torch::nn::Linear(3, 1));
  Stepper<Net, AdamW, Preset<Guard{.on_not_finite = OnNotFinite::skip, .each_step = true}>> stepper(
      net, steps(4));
  train(stepper, 0, 1);
  const auto mean = norm->running_mean.clone();
  const auto loss =
      stepper.forward([&] { return net->forward(rows(4, 1).mul(INFINITY)).square().mean(); });
  CATCH_CHECK(stepper.backward(loss));
  CATCH_CHECK(stepper.steps() == 1);
  CATCH_CHECK(norm->running_mean.equal(mean));
}

CATCH_TEST_CASE("frozen norms stay frozen, or thawed, in a stepper that was loaded") {
  torch::manual_seed(1);
  using S = Stepper<Net, AdamW, Preset<Freeze{.parameters = "0.*", .epochs = 1}>>;
  const auto make = [] { return Net(torch::nn::BatchNorm1d(3), torch::nn::Linear(3, 1)); };
  S stepper(make(), steps(4));
  train(stepper, 0, 1);
  stepper.begin_epoch(1);
  const auto state = stepper.save_state();  // thawed, and not yet stepped
  S loaded(make(), steps(4));
  CATCH_CHECK_FALSE(loaded.model()[0]->is_training());
  loaded.load_state(state);
  CATCH_CHECK(loaded.model()[0]->is_training());
  train(loaded, 1, 2);
  train(stepper, 1, 2);
  CATCH_CHECK(equal(weights_of(loaded.model()), weights_of(stepper.model())));
}
