// What public reports of other trainers describe, in small: each case came out wrong here once.
// Checkpoints' cases are in checkpoint/reported_test.cpp, the laws of their kinds in testing/.
#include "../catch.hpp"
#include "../train/toys.hpp"
#include <gradus/core/sample_draw.hpp>
#include <gradus/policy/accumulation/accumulate.hpp>
#include <gradus/policy/averaging/ema.hpp>
#include <gradus/policy/clipping/clip_norm.hpp>
#include <gradus/policy/mixing/mixup.hpp>
#include <gradus/policy/optimizer/adam.hpp>
#include <gradus/policy/optimizer/adamw.hpp>
#include <gradus/policy/optimizer/muon.hpp>
#include <gradus/policy/optimizer/rmsprop.hpp>
#include <gradus/policy/precision/mixed.hpp>
#include <gradus/policy/schedule/reduce_on_plateau.hpp>
#include <gradus/policy/sharing/tie_weights.hpp>
#include <gradus/policy/stopping/early_stop.hpp>
#include <gradus/train/search/find_learning_rate.hpp>
#include <gradus/train/trainer.hpp>

#include <cmath>
#include <limits>
#include <optional>
#include <string>
#include <vector>

using namespace gradus;
using Catch::Matchers::ContainsSubstring;

namespace {

using Small = Preset<Plain{.batch_size = 4}>;
constexpr std::int64_t ignored = CrossEntropy::ignored;

RunSettings on_cpu(std::int64_t epochs = 1) {
  return {.epochs = epochs, .device = c10::kCPU, .log_every_steps = 1};
}

/// Inputs and targets as they are given.
struct Samples {
  at::Tensor inputs;
  at::Tensor targets;

  [[nodiscard]] std::int64_t size() const { return inputs.size(0); }
  [[nodiscard]] Batch batch(std::span<const std::int64_t> indices) const {
    const auto index = torch::tensor(std::vector<std::int64_t>(indices.begin(), indices.end()));
    return {inputs.index_select(0, index), targets.index_select(0, index)};
  }
};

}  // namespace

// Forms of memory.

namespace {

/// Three weights that are the column blocks of one tensor, as after `chunk` along dimension 1.
struct BlocksImpl : torch::nn::Module {
  explicit BlocksImpl(bool dense) {
    const auto index = torch::arange(54.0F).reshape({6, 9});
    whole = (index * 7).remainder(11) / 11 - 0.45;
    const auto parts = whole.chunk(3, 1);
    for (std::size_t i = 0; i < 3; ++i) {
      weights[i] =
          register_parameter("w" + std::to_string(i), dense ? parts[i].contiguous() : parts[i]);
    }
  }
  at::Tensor forward(const at::Tensor& x) {
    return x.mm(weights[0]) + x.mm(weights[1]).tanh() + x.mm(weights[2]).sin();
  }
  at::Tensor whole;
  std::array<at::Tensor, 3> weights;
};
TORCH_MODULE(Blocks);

}  // namespace

CATCH_TEMPLATE_TEST_CASE(
    "forms of memory: weights that are column blocks of one tensor train as dense ones", "", SGD,
    Preset<SGD{.momentum = 0.9}>, Adam, AdamW, Muon, RMSprop) {
  using T = Trainer<Blocks, Small, TestType, Preset<EMA{.decay = 0.5}>, ClipNorm>;
  T dense(Blocks(true), on_cpu(3));
  T blocks(Blocks(false), on_cpu(3));
  dense.fit(Points(16), Points(8));
  blocks.fit(Points(16), Points(8));
  for (std::size_t i = 0; i < 3; ++i) {
    CATCH_CHECK(at::allclose(blocks.model()->weights[i], dense.model()->weights[i], 1e-6, 1e-7));
    CATCH_CHECK(blocks.model()->weights[i].strides() == at::IntArrayRef({9, 1}));
  }
  CATCH_CHECK(
      at::cat({blocks.model()->weights[0], blocks.model()->weights[1], blocks.model()->weights[2]},
              1)
          .equal(blocks.model()->whole));
}

CATCH_TEST_CASE("forms of memory: a weight of one value seen several times is refused by name") {
  struct NetImpl : torch::nn::Module {
    at::Tensor scale = register_parameter("scale", torch::ones({1}).expand({3}));
    at::Tensor forward(const at::Tensor& x) { return x.narrow(1, 0, 3) * scale; }
  };
  struct Net : torch::nn::ModuleHolder<NetImpl> {
    using torch::nn::ModuleHolder<NetImpl>::ModuleHolder;
  };
  CATCH_CHECK_THROWS_WITH((Trainer<Net>(Net(), on_cpu())),
                          ContainsSubstring("several elements of parameter 'scale' [3]"));
  struct TwiceImpl : torch::nn::Module {
    at::Tensor a = register_parameter("a", torch::ones({6, 3}));
    at::Tensor b = register_parameter("b", a.detach());
    at::Tensor forward(const at::Tensor& x) { return x.mm(a) + x.mm(b); }
  };
  struct Twice : torch::nn::ModuleHolder<TwiceImpl> {
    using torch::nn::ModuleHolder<TwiceImpl>::ModuleHolder;
  };
  CATCH_CHECK_THROWS_WITH((Trainer<Twice>(Twice(), on_cpu())),
                          ContainsSubstring("'a' and 'b' are two tensors over the same memory"));
}

// Runs after runs.

CATCH_TEST_CASE("runs after runs: a second fit has the patience of the first") {
  using T = Trainer<Perceptron, Small, Preset<SGD{.lr = 1e-30}>, Preset<EarlyStop{.patience = 3}>>;
  T trainer(perceptron(), on_cpu(50));
  CATCH_CHECK(trainer.fit(Points(16), Points(16)).epochs.size() == 4);
  CATCH_CHECK(trainer.fit(Points(16), Points(16)).epochs.size() == 4);
}

CATCH_TEST_CASE("runs after runs: a layer replaced or tied since is reported") {
  auto net = perceptron();
  Trainer<Perceptron, Small> trainer(net, on_cpu());
  net->head = net->replace_module("head", torch::nn::Linear(8, 3));
  CATCH_CHECK_THROWS_WITH(trainer.fit(Points(8)),
                          ContainsSubstring("the model has other parameters"));
}

// Figures over nothing.

CATCH_TEST_CASE(
    "figures over nothing: epochs whose steps were all skipped have no loss, and nobody counts "
    "them") {
  using T = Trainer<Perceptron, Preset<Plain{.batch_size = 16}>,
                    Preset<Mixed{.type = MixedType::float16, .initial_scale = 1e9}>,
                    Preset<EarlyStop{.patience = 2}>>;
  Points points(16);
  points.inputs_.mul_(50);
  T trainer(perceptron(), on_cpu(60));
  const auto history = trainer.fit(points);
  std::int64_t steps = 0;
  std::size_t skipped = 0;
  for (const auto& epoch : history.epochs) {
    steps += epoch.optimizer_steps;
    skipped += epoch.skipped_steps == 1 ? 1 : 0;
    CATCH_CHECK(epoch.train_loss.has_value() == (epoch.optimizer_steps == 1));
  }
  CATCH_CHECK(skipped > 5);
  CATCH_CHECK(steps > 0);
}

CATCH_TEST_CASE(
    "figures over nothing: what is monitored must be there, or the run does not begin") {
  using ByAccuracy = Trainer<Perceptron, Small, Preset<EarlyStop{.monitor = "accuracy"}>>;
  ByAccuracy stops(perceptron(), on_cpu(10));
  CATCH_CHECK_THROWS_WITH(
      stops.fit(Points(16)),
      "policy EarlyStop of axis stopping monitors the held-out accuracy, but `fit` was given no "
      "held-out set; give it one, or monitor the loss.");
  CATCH_CHECK_THROWS_WITH(stops.fit(Points(16), Points(16).first(0)),
                          ContainsSubstring("the held-out set has no samples"));
  using Falls = Trainer<Perceptron, Small, Preset<ReduceOnPlateau{.monitor = "accuracy"}>>;
  CATCH_CHECK_THROWS_WITH(Falls(perceptron(), on_cpu()).fit(Points(16)),
                          ContainsSubstring("policy ReduceOnPlateau of axis schedule monitors"));
  using ByLoss = Trainer<Perceptron, Small, EarlyStop>;
  CATCH_CHECK_THROWS_WITH(ByLoss(perceptron(), on_cpu()).fit(Points(16), Points(16).first(0)),
                          ContainsSubstring("the held-out set has no samples"));
  CATCH_CHECK(ByLoss(perceptron(), on_cpu()).fit(Points(16)).epochs.size() == 1);

  Trainer<Perceptron, Small> plain(perceptron(), on_cpu());
  const auto empty = plain.fit(Points(16), Points(16).first(0)).epochs[0].test;
  CATCH_CHECK((empty && empty->samples == 0 && !empty->loss && !empty->accuracy()));
}

namespace {

/// The mean of squares, of one output for each sample.
struct Squares {
  using slot = gradus::slot::loss;
  static constexpr std::string_view name = "Squares";
  static constexpr auto fields() { return no_fields; }
  at::Tensor loss(const at::Tensor& output, const at::Tensor& target) const {
    return (output.select(1, 0) - target.to(output.scalar_type())).square().mean();
  }
  at::Tensor evaluate(const at::Tensor& output, const at::Tensor& target) const {
    return loss(output, target);
  }
};

}  // namespace

CATCH_TEST_CASE("figures over nothing: a loss that counts nothing right gives no accuracy") {
  using T = Trainer<Perceptron, Small, Squares, Preset<EarlyStop{.monitor = "accuracy"}>>;
  CATCH_CHECK_THROWS_WITH(T(perceptron(), on_cpu()).fit(Points(16), Points(16)),
                          ContainsSubstring("the loss policy has no `correct`"));
  Trainer<Perceptron, Small, Squares> trainer(perceptron(), on_cpu());
  const auto test = trainer.fit(Points(16), Points(16)).epochs[0].test;
  CATCH_CHECK((test->loss && !test->accuracy()));
}

// What evaluation leaves behind.

namespace {

/// Makes a mask at its first forward pass and keeps it, and its last state too.
struct MaskedImpl : torch::nn::Module {
  torch::nn::Linear in = register_module("in", torch::nn::Linear(6, 8));
  torch::nn::Linear head = register_module("head", torch::nn::Linear(8, 3));
  at::Tensor mask, state;
  at::Tensor forward(const at::Tensor& x) {
    if (!mask.defined()) mask = torch::ones({8}) - torch::eye(8)[0];
    const auto hidden = in(x)*mask + (state.defined() ? state : torch::zeros({8}));
    state = hidden.mean(0);
    if (state.requires_grad()) state = state.detach();
    return head(hidden.tanh() * hidden);
  }
};
TORCH_MODULE(Masked);

}  // namespace

CATCH_TEST_CASE(
    "what evaluation leaves behind: a mask made and a state kept there can be trained with") {
  Trainer<Masked, Small> trainer(Masked(), on_cpu(2));
  CATCH_CHECK(trainer.fit(Points(16), Points(8)).epochs.size() == 2);
  trainer.evaluate(Points(8));
  CATCH_CHECK_FALSE(trainer.model()->state.is_inference());
}

// Searches.

namespace {

/// Cross entropy with a constant added.
struct Lifted {
  using slot = gradus::slot::loss;
  static constexpr std::string_view name = "Lifted";
  double added = 0;
  static constexpr auto fields() {
    return fields_of(field("added", &Lifted::added, any_number(), "to the loss"));
  }
  at::Tensor loss(const at::Tensor& output, const at::Tensor& target) const {
    return at::cross_entropy_loss(output, target) + added;
  }
  at::Tensor evaluate(const at::Tensor& output, const at::Tensor& target) const {
    return loss(output, target);
  }
};

}  // namespace

CATCH_TEST_CASE("searches: few steps and wide ranges are searched too") {
  using T = Trainer<Perceptron, Preset<Plain{.batch_size = 16}>>;
  auto net = perceptron();
  for (const std::int64_t steps : {3, 5, 10, 20}) {
    const auto curve = find_learning_rate<T>(net, Points(64), {.steps = steps}, on_cpu());
    CATCH_CHECK(curve.rates.size() == static_cast<std::size_t>(steps));
    CATCH_CHECK(curve.suggestion > 0);
  }
  const auto wide = find_learning_rate<T>(net, Points(64),
                                          {.lowest = 1e-8, .highest = 10, .steps = 30}, on_cpu());
  CATCH_CHECK(wide.rates.front() == 1e-8);
}

CATCH_TEST_CASE(
    "signs and sizes: a constant added to a loss changes neither a search nor a guard") {
  using T = Trainer<Perceptron, Preset<Plain{.batch_size = 16}>, Lifted>;
  const auto curve_with = [](double added) {
    auto net = perceptron();
    T::policies_type policies;
    policies.at<slot::loss>().added = added;
    return find_learning_rate<T>(net, Points(256), {.lowest = 1e-4, .highest = 1e5}, on_cpu(),
                                 policies);
  };
  const auto plain = curve_with(0);
  CATCH_CHECK(plain.rates.size() < 100);  // it ends before the highest rate
  for (const double added : {-1.0, -1.0986, -20.0, 5.0}) {
    const auto other = curve_with(added);
    CATCH_CHECK(other.rates == plain.rates);
    CATCH_CHECK(other.suggestion == plain.suggestion);
  }

  using Guarded = Trainer<Perceptron, Preset<Plain{.batch_size = 32}>, Lifted,
                          Preset<SGD{.lr = 0.05}>, Preset<Guard{.divergence = 3}>>;
  Guarded::policies_type policies;
  policies.at<slot::loss>().added = -1;  // it falls from about 0.1 to below zero
  CATCH_CHECK_NOTHROW(Guarded(perceptron(), on_cpu(30), policies).fit(Points(64)));
  policies.at<slot::optimizer>().lr = 1e4;
  CATCH_CHECK_THROWS_WITH(Guarded(perceptron(), on_cpu(30), policies).fit(Points(64)),
                          ContainsSubstring("the training loss has grown to"));
}

namespace {

struct DropNetImpl : torch::nn::Module {
  torch::nn::Linear one = register_module("one", torch::nn::Linear(6, 6));
  torch::nn::Linear two = register_module("two", torch::nn::Linear(6, 6));
  torch::nn::BatchNorm1d norm = register_module("norm", torch::nn::BatchNorm1d(6));
  torch::nn::Dropout drop = register_module("drop", torch::nn::Dropout(0.5));
  torch::nn::Linear head = register_module("head", torch::nn::Linear(6, 3));
  at::Tensor forward(const at::Tensor& x) { return head(drop(norm(two(one(x))))); }
};
TORCH_MODULE(DropNet);

}  // namespace

CATCH_TEST_CASE("searches: weights, statistics, gradients, ties, mode and random streams stay") {
  using T = Trainer<DropNet, Preset<Plain{.batch_size = 16}>,
                    TieWeights<&DropNetImpl::one, &DropNetImpl::two>,
                    Preset<EarlyStop{.monitor = "accuracy"}>>;
  DropNet net;
  net->norm->eval();
  net->head->weight.mutable_grad() = torch::ones_like(net->head->weight);
  const auto weights = weights_of(*net);
  const auto mean = net->norm->running_mean.clone();
  torch::manual_seed(7);
  const auto stream = at::detail::getDefaultCPUGenerator().get_state();
  find_learning_rate<T>(net, Points(64), {.steps = 10}, on_cpu());
  CATCH_CHECK(weights_of(*net).equal(weights));
  CATCH_CHECK_FALSE(net->one->weight.is_same(net->two->weight));
  CATCH_CHECK(net->two->named_parameters()["weight"].is_same(net->two->weight));
  CATCH_CHECK(net->norm->running_mean.equal(mean));
  CATCH_CHECK(net->head->weight.grad().equal(torch::ones_like(net->head->weight)));
  CATCH_CHECK_FALSE(net->norm->is_training());
  CATCH_CHECK(net->drop->is_training());
  CATCH_CHECK(at::detail::getDefaultCPUGenerator().get_state().equal(stream));
}

// What a mean is over.

namespace {

at::Tensor gradient_of_one_batch(const Samples& samples) {
  auto net = perceptron();
  net->to(at::kDouble);
  const auto order = epoch_order(samples.size(), 0, 0);
  const auto batch = samples.batch(order);
  at::cross_entropy_loss(net->forward(batch.input), batch.target).backward();
  std::vector<at::Tensor> steps;
  for (const auto& parameter : net->parameters()) steps.push_back(parameter.grad().flatten());
  return at::cat(steps);
}

/// The change of the weights by one step of SGD, over minus the rate: the gradient.
template <class T>
at::Tensor gradient_of_step(const Samples& samples,
                            const typename T::policies_type& policies = {}) {
  auto net = perceptron();
  net->to(at::kDouble);
  const auto before = weights_of(*net);
  T trainer(net, on_cpu(), policies);
  trainer.fit(samples);
  return (before - weights_of(*net)) / 0.01;
}

Samples eight(const at::Tensor& targets) { return {Points(8).inputs_.to(at::kDouble), targets}; }

}  // namespace

CATCH_TEST_CASE("what a mean is over: with ignored targets, 2 x 4 accumulated are one batch of 8") {
  using T = Trainer<Perceptron, Small, Preset<Accumulate{.steps = 2}>>;
  const auto order = epoch_order(8, 0, 0);
  for (const std::vector<std::size_t>& out : std::vector<std::vector<std::size_t>>{
           {0, 1, 5}, {4, 5, 6, 7}, {0, 1, 2, 3}, {7}, {}}) {  // places in the order of the epoch
    auto targets = Points(8).targets_.clone();
    for (const auto place : out) targets[order[place]] = ignored;
    const auto samples = eight(targets);
    CATCH_CHECK(
        at::allclose(gradient_of_step<T>(samples), gradient_of_one_batch(samples), 1e-9, 1e-12));
  }
}

CATCH_TEST_CASE("what a mean is over: an evaluation does not depend on its batch size") {
  auto targets = Points(8).targets_.clone();
  for (const std::int64_t place : {0, 1, 5}) targets[place] = ignored;
  const auto samples = eight(targets);
  std::vector<Evaluation> results;
  for (const std::int64_t size : {1, 2, 3, 8}) {
    auto net = perceptron();
    net->to(at::kDouble);
    auto run = on_cpu();
    run.evaluation_batch_size = size;
    results.push_back(Trainer<Perceptron, Small>(net, run).evaluate(samples));
    CATCH_CHECK(std::abs(*results.back().loss - *results.front().loss) < 1e-12);
    CATCH_CHECK(results.back().counted == 5);
    CATCH_CHECK(results.back().samples == 8);
    CATCH_CHECK(results.back().correct == results.front().correct);
  }
}

CATCH_TEST_CASE("what a mean is over: where no target counts there is no step and no loss") {
  auto targets = torch::full({8}, ignored, torch::kLong);
  using T = Trainer<Perceptron, Small, Preset<AdamW{.lr = 0.1}>>;
  auto net = perceptron();
  const auto before = weights_of(*net);
  T trainer(net, on_cpu(2));
  const auto history = trainer.fit(Samples{Points(8).inputs_, targets});
  CATCH_CHECK(weights_of(*net).equal(before));
  CATCH_CHECK_FALSE(history.epochs[1].train_loss);
  CATCH_CHECK(history.epochs[1].skipped_steps == 2);
  CATCH_CHECK(history.epochs[1].optimizer_steps == 0);
  const auto held = trainer.evaluate(Samples{Points(8).inputs_, targets});
  CATCH_CHECK((!held.loss && !held.accuracy() && held.samples == 8));

  // One batch of four does, among float16's skips on the device.
  targets[epoch_order(8, 0, 0)[6]] = 1;
  Trainer<Perceptron, Small, Preset<Mixed{.type = MixedType::float16}>> half(perceptron(),
                                                                             on_cpu(1));
  const auto record = half.fit(Samples{Points(8).inputs_, targets}).epochs[0];
  CATCH_CHECK(record.optimizer_steps == 1);
  CATCH_CHECK(record.skipped_steps == 1);
  CATCH_CHECK(record.samples == 4);
  CATCH_CHECK(record.train_loss);
}

namespace {

/// Scores [N, T, 3] of the classes of T tokens.
struct TokensImpl : torch::nn::Module {
  torch::nn::Linear head = register_module("head", torch::nn::Linear(2, 3));
  at::Tensor forward(const at::Tensor& x) { return head(x.reshape({-1, 3, 2})); }
};
TORCH_MODULE(Tokens);

/// Of targets [N, T], a mean over tokens that are there.
struct TokenMean {
  using slot = gradus::slot::loss;
  static constexpr std::string_view name = "TokenMean";
  static constexpr auto fields() { return no_fields; }
  at::Tensor loss(const at::Tensor& output, const at::Tensor& target) const {
    return at::cross_entropy_loss(output.flatten(0, 1), target.flatten());
  }
  at::Tensor evaluate(const at::Tensor& output, const at::Tensor& target) const {
    return loss(output, target);
  }
  double weight(const at::Tensor& target) const {
    return static_cast<double>(target.ne(ignored).sum().item<std::int64_t>());
  }
};

}  // namespace

CATCH_TEST_CASE("what a mean is over: a mean over tokens weighs a window by its tokens") {
  const auto samples = [] {
    auto targets = torch::arange(24).remainder(3).reshape({8, 3});
    for (std::int64_t row = 0; row < 5; ++row) targets[row].narrow(0, 1, 2).fill_(ignored);
    return Samples{Points(8).inputs_.to(at::kDouble), targets};
  }();
  const auto weights_after = [&](std::int64_t batch, std::int64_t steps) {
    torch::manual_seed(0);
    Tokens net;
    net->to(at::kDouble);
    using T = Trainer<Tokens, Plain, TokenMean, Accumulate>;
    T::policies_type policies;
    policies.at<slot::loading>().batch_size = batch;
    policies.at<slot::accumulation>().steps = steps;
    T(net, on_cpu(), policies).fit(samples);
    return weights_of(*net);
  };
  CATCH_CHECK(at::allclose(weights_after(2, 4), weights_after(8, 1), 1e-9, 1e-12));
  CATCH_CHECK(at::allclose(weights_after(3, 3), weights_after(8, 1), 1e-9, 1e-12));
}

namespace {

/// Scores [N, 3, 5, 5] of a class for each pixel.
struct PixelsImpl : torch::nn::Module {
  torch::nn::Conv2d head = register_module("head", torch::nn::Conv2d(1, 3, 1));
  at::Tensor forward(const at::Tensor& x) { return head(x); }
};
TORCH_MODULE(Pixels);

}  // namespace

CATCH_TEST_CASE("what a mean is over: accuracy is of the pixels that count") {
  auto targets = torch::arange(6 * 25).remainder(3).reshape({6, 5, 5});
  targets[0][0][0] = ignored;
  Trainer<Pixels, Small> trainer(Pixels(), on_cpu());
  const auto result = trainer.evaluate(Samples{torch::rand({6, 1, 5, 5}), targets});
  CATCH_CHECK(result.counted == 149);
  CATCH_CHECK(*result.accuracy() <= 1);
}

CATCH_TEST_CASE("what a mean is over: parts of classes are targets too") {
  const Points points(8);
  const auto parts = at::one_hot(points.targets_, 3).to(at::kFloat);
  Trainer<Perceptron, Small> trainer(perceptron(), on_cpu());
  const auto classes = trainer.evaluate(points);
  const auto result = trainer.evaluate(Samples{points.inputs_, parts});
  CATCH_CHECK(result.counted == 8);
  CATCH_CHECK(result.correct == classes.correct);
  CATCH_CHECK(std::abs(*result.loss - *classes.loss) < 1e-6);
}

CATCH_TEST_CASE(
    "what a mean is over: targets that the loss cannot take are refused before the first step") {
  struct OneImpl : torch::nn::Module {
    torch::nn::Linear head = register_module("head", torch::nn::Linear(6, 1));
    at::Tensor forward(const at::Tensor& x) { return head(x); }
  };
  struct One : torch::nn::ModuleHolder<OneImpl> {
    using torch::nn::ModuleHolder<OneImpl>::ModuleHolder;
  };
  One net;
  const auto before = weights_of(*net);
  CATCH_CHECK_THROWS_WITH(
      (Trainer<One, Small>(net, on_cpu()).fit(Samples{torch::rand({8, 6}), torch::rand({8, 1})})),
      ContainsSubstring("policy CrossEntropy of axis loss") && ContainsSubstring("Float [4, 1]"));
  CATCH_CHECK(weights_of(*net).equal(before));
  CATCH_CHECK_THROWS_WITH((Trainer<Perceptron, Small>(perceptron(), on_cpu())
                               .fit(Samples{torch::rand({8, 6}), torch::rand({8, 1})})),
                          ContainsSubstring("the targets are Float [4, 1]"));
  CATCH_CHECK_THROWS_WITH(
      (Trainer<Perceptron, Small>(perceptron(), on_cpu())
           .fit(Samples{torch::rand({8, 6}), torch::zeros({8, 2}, torch::kLong)})),
      ContainsSubstring("the targets are Long [4, 2]"));
}

namespace {

struct relabel {
  static constexpr std::string_view name = "relabel";
};
/// Takes half of the targets out, on the device.
struct Hide {
  using slot = relabel;
  static constexpr std::string_view name = "Hide";
  using hooks = Hooks<hook::before_forward>;
  static constexpr auto fields() { return no_fields; }
  void before_forward(Batch& batch, const StepContext& context) const {
    if (context.micro_batch == 0) batch.target.narrow(0, 0, 3).fill_(ignored);
  }
};

}  // namespace

CATCH_TEST_CASE("what a mean is over: targets that a hook changes are weighed as they are then") {
  using T = Trainer<Perceptron, Small, Preset<Accumulate{.steps = 2}>, Hide>;
  auto targets = Points(8).targets_.clone();
  const auto samples = eight(targets);
  const auto order = epoch_order(8, 0, 0);
  auto hidden = targets.clone();
  for (std::size_t place = 0; place < 3; ++place) hidden[order[place]] = ignored;
  CATCH_CHECK(at::allclose(gradient_of_step<T>(samples), gradient_of_one_batch(eight(hidden)), 1e-9,
                           1e-12));
  CATCH_CHECK_THROWS_WITH(
      (Trainer<Perceptron, Small, Preset<Mixup{.classes = 3}>>(perceptron(), on_cpu())
           .fit(Samples{Points(8).inputs_, hidden})),
      ContainsSubstring("blends the targets of all samples"));
}

CATCH_TEST_CASE("what a mean is over: a batch of another size than was asked for is refused") {
  struct Buckets : Points {
    using Points::Points;
    std::int64_t gives = 32;
    [[nodiscard]] Batch batch(std::span<const std::int64_t>) const {
      return {torch::rand({gives, 6}), torch::zeros({gives}, torch::kLong)};
    }
  } buckets(16);
  CATCH_CHECK_THROWS_WITH(
      (Trainer<Perceptron, Small>(perceptron(), on_cpu()).fit(buckets)),
      ContainsSubstring("asked for 4 samples and gave a batch of tensors of 32, 32 rows"));
  buckets.gives = 0;
  CATCH_CHECK_THROWS_WITH((Trainer<Perceptron, Small>(perceptron(), on_cpu()).fit(buckets)),
                          ContainsSubstring("gave a batch of tensors of 0, 0 rows"));
  CATCH_CHECK_THROWS_AS((Trainer<Perceptron, Small>(perceptron(), on_cpu()).evaluate(buckets)),
                        DataError);
}

// Names.

namespace {

/// A batch norm that its model freezes by overriding `train`.
struct FrozenNormImpl : torch::nn::Module {
  torch::nn::BatchNorm1d norm = register_module("norm", torch::nn::BatchNorm1d(6));
  torch::nn::Linear head = register_module("head", torch::nn::Linear(6, 3));
  void train(bool on = true) override {
    torch::nn::Module::train(on);
    norm->eval();
  }
  at::Tensor forward(const at::Tensor& x) { return head(norm(x)); }
};
TORCH_MODULE(FrozenNorm);

struct NormedImpl : torch::nn::Module {
  torch::nn::BatchNorm1d norm = register_module("norm", torch::nn::BatchNorm1d(6));
  torch::nn::BatchNorm1d again = register_module("again", norm);
  torch::nn::Linear head = register_module("head", torch::nn::Linear(6, 3));
  at::Tensor forward(const at::Tensor& x) { return head(norm(x)); }
};
TORCH_MODULE(Normed);

}  // namespace

CATCH_TEST_CASE(
    "names: a batch norm frozen by `train` takes a batch of one, and keeps its statistics") {
  using T = Trainer<FrozenNorm, Small, Preset<EMA{.decay = 0.5, .batches = 2}>>;
  FrozenNorm net;
  T trainer(net, on_cpu(2));
  CATCH_CHECK(trainer.fit(Points(9), Points(8)).epochs.size() == 2);
  CATCH_CHECK(net->norm->running_mean.equal(torch::zeros({6})));
  CATCH_CHECK(net->norm->num_batches_tracked.item<std::int64_t>() == 0);
}

CATCH_TEST_CASE("names: statistics of averaged weights are recomputed for norms that train alone") {
  struct NetImpl : torch::nn::Module {
    torch::nn::BatchNorm1d frozen = register_module("frozen", torch::nn::BatchNorm1d(6));
    torch::nn::BatchNorm1d norm = register_module("norm", torch::nn::BatchNorm1d(6));
    torch::nn::Linear head = register_module("head", torch::nn::Linear(6, 3));
    at::Tensor forward(const at::Tensor& x) { return head(norm(frozen(x))); }
  };
  struct Net : torch::nn::ModuleHolder<NetImpl> {
    using torch::nn::ModuleHolder<NetImpl>::ModuleHolder;
  };
  Net net;
  net->frozen->eval();
  Trainer<Net, Small, Preset<EMA{.decay = 0.5, .batches = 2}>> trainer(net, on_cpu());
  trainer.fit(Points(16), Points(8));
  const auto averaged = trainer.evaluation_weights();
  CATCH_CHECK(net->frozen->running_mean.equal(torch::zeros({6})));
  CATCH_CHECK(net->norm->num_batches_tracked.item<std::int64_t>() == 2);
}

CATCH_TEST_CASE("names: a part in evaluation mode within a model that trains stays frozen") {
  Normed net;
  net->norm->eval();
  Trainer<Normed, Small> trainer(net, on_cpu(2));
  trainer.fit(Points(9), Points(8));
  CATCH_CHECK_FALSE(net->norm->is_training());
  CATCH_CHECK(net->head->is_training());
  CATCH_CHECK(net->norm->running_mean.equal(torch::zeros({6})));

  Normed left_evaluating;
  left_evaluating->eval();
  Trainer<Normed, Small>(left_evaluating, on_cpu()).fit(Points(8));
  CATCH_CHECK(left_evaluating->norm->is_training());
  CATCH_CHECK(left_evaluating->norm->num_batches_tracked.item<std::int64_t>() == 2);
}

CATCH_TEST_CASE(
    "names: a batch norm under two names keeps its momentum when statistics are recomputed") {
  Normed net;
  net->norm->options.momentum(0.25);
  Trainer<Normed, Small, Preset<EMA{.decay = 0.5, .batches = 2}>> trainer(net, on_cpu());
  trainer.fit(Points(8), Points(8));
  CATCH_CHECK(net->norm->options.momentum() == 0.25);
}

// Types.

CATCH_TEST_CASE("types: a centered RMSprop along a steady gradient stays finite") {
  const auto gradients = torch::cat({torch::linspace(0.01, 3, 1000), torch::tensor({1e20F})});
  const auto weight = torch::zeros_like(gradients).requires_grad_();
  const RMSprop rmsprop{.centered = true};
  auto state = rmsprop.start({{"weight", weight}});
  for (int step = 0; step < 3000; ++step) {
    weight.mutable_grad() = gradients.clone();
    rmsprop.step(state, {0.01, std::nullopt});
  }
  CATCH_CHECK(weight.detach().isfinite().all().item<bool>());
  const auto half = torch::zeros({2}, torch::kHalf).requires_grad_();
  auto half_state = RMSprop().start({{"weight", half}});
  half.mutable_grad() = torch::tensor({0.0F, 1e-6F}).to(torch::kHalf);
  RMSprop().step(half_state, {0.01, std::nullopt});
  CATCH_CHECK(half.detach().isfinite().all().item<bool>());
}

CATCH_TEST_CASE(
    "types: the average of bfloat16 weights moves as their mean does, and is evaluated in their "
    "type") {
  struct NetImpl : torch::nn::Module {
    torch::nn::Linear head = register_module("head", torch::nn::Linear(6, 3));
    at::Tensor forward(const at::Tensor& x) { return head(x.to(head->weight.scalar_type())); }
  };
  struct Net : torch::nn::ModuleHolder<NetImpl> {
    using torch::nn::ModuleHolder<NetImpl>::ModuleHolder;
  };
  Net net;
  net->to(torch::kBFloat16);
  Trainer<Net, Small, Preset<SGD{.lr = 0.1}>, Preset<EMA{.decay = 0.999}>> trainer(net, on_cpu(4));
  CATCH_CHECK(trainer.fit(Points(64), Points(16)).epochs.back().test->loss);
  CATCH_CHECK(trainer.state<slot::averaging>().averages[0].scalar_type() == torch::kFloat);
  CATCH_CHECK(net->head->weight.scalar_type() == torch::kBFloat16);
}

CATCH_TEST_CASE(
    "types: a model with complex weights and frozen whole numbers trains, is guarded and "
    "averaged") {
  struct NetImpl : torch::nn::Module {
    at::Tensor mix = register_parameter("mix", torch::ones({6, 3}, torch::kComplexFloat) * 0.1);
    at::Tensor shift = register_parameter("shift", torch::zeros({3}, torch::kDouble));
    at::Tensor ids = register_parameter("ids", torch::arange(3), /*requires_grad=*/false);
    at::Tensor forward(const at::Tensor& x) {
      return at::real(x.to(torch::kComplexFloat).mm(mix)) + shift.index_select(0, ids);
    }
  };
  struct Net : torch::nn::ModuleHolder<NetImpl> {
    using torch::nn::ModuleHolder<NetImpl>::ModuleHolder;
  };
  Net net;
  Trainer<Net, Small, Adam, Preset<EMA{.decay = 0.5}>, ClipNorm, Preset<Guard{.each_step = true}>>
      trainer(net, on_cpu(2));
  CATCH_CHECK(trainer.fit(Points(16), Points(8)).epochs.back().train_loss);
  CATCH_CHECK(net->ids.equal(torch::arange(3)));
  CATCH_CHECK_THROWS_WITH((Trainer<Net, Small, Muon>(Net(), on_cpu())),
                          ContainsSubstring("parameter 'mix' is ComplexFloat, but Muon"));
}

CATCH_TEST_CASE("types: finite float16 gradients whose norm is beyond float16") {
  const auto weight = torch::zeros({16}, torch::kHalf).requires_grad_();
  weight.mutable_grad() = torch::full({16}, 30000, torch::kHalf);
  // In float32 a sum of squares overflows too.
  const auto large = torch::zeros({2}).requires_grad_();
  large.mutable_grad() = torch::full({2}, 1e30F);
  const auto nothing = torch::zeros({0, 3}).requires_grad_();
  nothing.mutable_grad() = torch::zeros({0, 3});
  const std::vector<NamedTensor> parameters{
      {"weight", weight}, {"large", large}, {"nothing", nothing}};
  const NumericGuard guard(GuardPlan{.each_step = true});
  CATCH_CHECK_NOTHROW(static_cast<void>(guard.allows_step(parameters, LossMeter(), {})));
  large.mutable_grad()[1] = std::numeric_limits<float>::infinity();
  CATCH_CHECK_THROWS_WITH(static_cast<void>(guard.allows_step(parameters, LossMeter(), {})),
                          ContainsSubstring("the gradient of 'large' is not finite"));
  ClipNorm{.max_norm = 1}.clip({weight.grad()});
  const double norm = weight.grad().to(torch::kDouble).norm().item<double>();
  CATCH_CHECK(std::abs(norm - 1) < 0.05);
}
