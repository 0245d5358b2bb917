// Batches of any form, tasks and metrics: what a run does with them.
#include "catch.hpp"
#include "train/toys.hpp"
#include <gradus/data/token_dataset.hpp>
#include <gradus/policy/accumulation/accumulate.hpp>
#include <gradus/policy/loading/prefetch.hpp>
#include <gradus/policy/loss/binary_cross_entropy.hpp>
#include <gradus/policy/loss/squared_error.hpp>
#include <gradus/policy/loss/weighted_cross_entropy.hpp>
#include <gradus/policy/metric/mean_absolute_error.hpp>
#include <gradus/policy/metric/perplexity.hpp>
#include <gradus/policy/metric/r2.hpp>
#include <gradus/policy/stopping/early_stop.hpp>
#include <gradus/policy/task/distillation.hpp>
#include <gradus/policy/task/next_token.hpp>
#include <gradus/policy/task/reconstruction.hpp>
#include <gradus/train/trainer.hpp>

#include <cmath>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

using namespace gradus;
using Catch::Matchers::ContainsSubstring;

namespace {

at::Tensor rows(const at::Tensor& of, std::span<const std::int64_t> indices) {
  return of.index_select(0,
                         torch::tensor(std::vector<std::int64_t>(indices.begin(), indices.end())));
}

struct Masked : Batch {
  at::Tensor mask;
  std::optional<at::Tensor> more;
  int seen[3]{};
  static constexpr auto tensors() {
    return std::tuple{&Masked::input, &Masked::target, &Masked::mask, &Masked::more};
  }
};

/// With something beside that has more members than are looked into.
struct Carried {
  struct Header {
    char name[16]{};
  };
  at::Tensor values;
  Header header;
};

/// Two inputs and a target, two levels deep.
struct Pair {
  struct Inputs {
    at::Tensor image;
    at::Tensor facts;
  };
  Inputs inputs;
  at::Tensor target;
};

struct Pairs {
  at::Tensor image = torch::arange(24 * 4, torch::kFloat).view({24, 4}).sin();
  at::Tensor facts = torch::arange(24 * 2, torch::kFloat).view({24, 2}).cos();

  [[nodiscard]] std::int64_t size() const { return image.size(0); }
  [[nodiscard]] Pair batch(std::span<const std::int64_t> indices) const {
    const auto x = rows(image, indices);
    const auto z = rows(facts, indices);
    return {{x, z}, x.sum(1) + 2 * z.sum(1)};
  }
};

struct TwoInputsImpl : torch::nn::Module {
  torch::nn::Linear a = register_module("a", torch::nn::Linear(4, 1));
  torch::nn::Linear b = register_module("b", torch::nn::Linear(2, 1));
  at::Tensor forward(const at::Tensor& image, const at::Tensor& facts) {
    return (a(image) + b(facts)).squeeze(1);
  }
};
TORCH_MODULE(TwoInputs);

struct BothInputs {
  using slot = gradus::slot::task;
  static constexpr std::string_view name = "BothInputs";
  static constexpr auto fields() { return no_fields; }

  TaskResult forward(auto& model, const Pair& batch, const auto& loss) const {
    const auto output = model->forward(batch.inputs.image, batch.inputs.facts);
    return {loss(output, batch.target), output, batch.target};
  }
};

/// With a loss that is no policy's.
struct OwnLoss {
  using slot = gradus::slot::task;
  static constexpr std::string_view name = "OwnLoss";
  static constexpr auto fields() { return no_fields; }

  TaskResult forward(auto& model, const Pair& batch, const auto&) const {
    const auto output = model->forward(batch.inputs.image, batch.inputs.facts);
    return {at::mse_loss(output, batch.target), output, batch.target};
  }
};

template <class... Ps>
using Regression = Trainer<TwoInputs, BothInputs, SquaredError, Preset<SGD{.lr = 0.1}>, Ps...>;

TwoInputs two_inputs() {
  torch::manual_seed(3);
  return TwoInputs();
}

}  // namespace

CATCH_TEST_CASE("the tensors of a batch are found wherever it holds them") {
  const auto t = [](double value) { return torch::full({2}, value); };
  const auto sums = [](const auto& batch) {
    std::vector<double> sums;
    visit_tensors(batch, [&](const at::Tensor& x) { sums.push_back(x.sum().item<double>()); });
    return sums;
  };
  using V = std::vector<double>;
  CATCH_CHECK(sums(t(1)) == V{2});
  CATCH_CHECK(sums(Batch{t(1), t(2)}) == V{2, 4});
  CATCH_CHECK(sums(Pair{{t(1), t(2)}, t(3)}) == V{2, 4, 6});
  CATCH_CHECK(sums(std::tuple{t(1), 5, std::string("x"), t(2)}) == V{2, 4});
  CATCH_CHECK(sums(std::map<std::string, at::Tensor>{{"b", t(2)}, {"a", t(1)}}) == V{2, 4});
  CATCH_CHECK(sums(std::vector<std::pair<int, at::Tensor>>{{1, t(1)}, {2, t(2)}}) == V{2, 4});
  CATCH_CHECK(sums(std::optional<at::Tensor>()).empty());
  CATCH_CHECK(sums(Weighed<Pair>{{{t(1), t(2)}, t(3)}, 7}) == V{2, 4, 6});
  static_assert(!BatchForm<std::string> && !BatchForm<int> && !BatchForm<std::vector<double>>);
  static_assert(OnlyTensors<Pair> && !OnlyTensors<std::tuple<at::Tensor, int>>);

  const auto doubled =
      with_tensors(Pair{{t(1), t(2)}, t(3)}, [](const at::Tensor& x) { return x * 2; });
  CATCH_CHECK(sums(doubled) == V{4, 8, 12});
  CATCH_CHECK(batch_size(doubled) == 2);
}

CATCH_TEST_CASE("a regression with two inputs is judged by its own metrics") {
  Regression<MeanAbsoluteError, R2, Preset<EarlyStop{.patience = 3, .monitor = "r2"}>,
             Preset<Plain{.batch_size = 12}>>
      trainer(two_inputs(), {.epochs = 12, .device = c10::kCPU});
  const auto history = trainer.fit(Pairs(), Pairs());
  const auto& last = *history.epochs.back().test;
  CATCH_CHECK_FALSE(last.accuracy().has_value());
  CATCH_REQUIRE(last.metric("r2"));
  CATCH_CHECK(*last.metric("r2") > 0.9);
  CATCH_CHECK(*last.metric("mean_absolute_error") < 0.5);
  const auto output = trainer.model()->forward(Pairs().image, Pairs().facts);
  const auto order = std::vector<std::int64_t>{0,  1,  2,  3,  4,  5,  6,  7,  8,  9,  10, 11,
                                               12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23};
  const auto target = Pairs().batch(order).target;
  CATCH_CHECK(*last.metric("mean_absolute_error") ==
              Catch::Approx((output - target).abs().mean().item<double>()));
}

CATCH_TEST_CASE("windows, workers and resuming are those of any batch") {
  const auto weights = [](auto trainer) {
    trainer.fit(Pairs());
    return weights_of(*trainer.model());
  };
  const auto whole = weights(Regression<Preset<Plain{.batch_size = 12}>>(
      two_inputs(), {.epochs = 3, .device = c10::kCPU}));
  const auto parts = weights(
      Regression<Preset<Prefetch{.batch_size = 4, .workers = 2, .ahead = 3}>,
                 Preset<Accumulate{.steps = 3}>>(two_inputs(), {.epochs = 3, .device = c10::kCPU}));
  CATCH_CHECK(torch::allclose(whole, parts, 1e-5, 1e-6));

  using Run = Regression<R2, Preset<Plain{.batch_size = 12}>>;
  Run begun(two_inputs(), {.epochs = 3, .device = c10::kCPU, .stop_after_steps = 3});
  begun.fit(Pairs(), Pairs());
  const auto state = begun.save_state();
  Run resumed(TwoInputs(), {.epochs = 3, .device = c10::kCPU});
  resumed.load_state(state);
  const auto history = resumed.fit(Pairs(), Pairs());
  CATCH_CHECK(weights_of(*resumed.model()).equal(whole));
  Run uninterrupted(two_inputs(), {.epochs = 3, .device = c10::kCPU});
  const auto expected = uninterrupted.fit(Pairs(), Pairs());
  const auto r2 = [](const EpochRecord& record) { return record.test->metric("r2"); };
  CATCH_CHECK(r2(history.epochs.front()) == r2(expected.epochs.front()));
  CATCH_CHECK(r2(history.epochs.back()) == r2(expected.epochs.back()));
}

CATCH_TEST_CASE("a metric that is not there is refused before the first step") {
  using Small = Preset<Plain{.batch_size = 12}>;
  Regression<R2, Small, Preset<EarlyStop{.monitor = "r3"}>> wrong(two_inputs());
  CATCH_CHECK_THROWS_WITH(wrong.fit(Pairs(), Pairs()), ContainsSubstring("did you mean 'r2'?"));
  Regression<Perplexity, Small> unfit(two_inputs());
  CATCH_CHECK_THROWS_WITH(unfit.fit(Pairs(), Pairs()),
                          ContainsSubstring("policy Perplexity of axis metric"));
}

namespace {

/// Ids in which each follows from the one before.
struct Text {
  [[nodiscard]] std::int64_t size() const { return 32; }
  [[nodiscard]] Batch batch(std::span<const std::int64_t> indices) const {
    const auto count = static_cast<std::int64_t>(indices.size());
    const auto start = torch::tensor(std::vector<std::int64_t>(indices.begin(), indices.end()));
    const auto ids = (start.unsqueeze(1) + torch::arange(9)).remainder(5).view({count, 9});
    auto target = ids.narrow(1, 1, 8).clone();
    target.narrow(1, 6, 2).fill_(-100);  // the sentence is shorter
    return {ids.narrow(1, 0, 8).clone(), target};
  }
};

struct TableImpl : torch::nn::Module {
  torch::nn::Embedding scores = register_module("scores", torch::nn::Embedding(5, 5));
  at::Tensor forward(const at::Tensor& ids) { return scores(ids); }
};
TORCH_MODULE(Table);

struct CodeImpl : torch::nn::Module {
  torch::nn::Linear in = register_module("in", torch::nn::Linear(6, 4));
  torch::nn::Linear out = register_module("out", torch::nn::Linear(2, 6));
  std::tuple<at::Tensor, at::Tensor, at::Tensor> forward(const at::Tensor& x) {
    const auto code = in(x);
    const auto mean = code.narrow(1, 0, 2);
    const auto log_variance = code.narrow(1, 2, 2);
    return {out(mean), mean, log_variance};
  }
};
TORCH_MODULE(Code);

/// A loss that takes whatever it is given.
struct Lenient {
  at::Tensor loss(const at::Tensor& output, const at::Tensor&) const { return output.mean(); }
  at::Tensor evaluate(const at::Tensor& output, const at::Tensor&) const { return output.mean(); }
};

struct Wide {
  using slot = gradus::slot::task;
  static constexpr std::string_view name = "Wide";
  static constexpr auto fields() { return no_fields; }
  TaskResult forward(auto& model, const Batch& batch, const auto&) const {
    return {model->forward(batch.input)};
  }
};

}  // namespace

CATCH_TEST_CASE("a language model is judged by its tokens") {
  torch::manual_seed(1);
  Trainer<Table, NextToken, Perplexity, Preset<SGD{.lr = 20}>, Preset<Plain{.batch_size = 16}>>
      trainer(Table(), {.epochs = 20, .device = c10::kCPU});
  const auto history = trainer.fit(Text(), Text());
  const auto& last = *history.epochs.back().test;
  CATCH_CHECK(last.counted == 32 * 6);
  CATCH_CHECK(*last.accuracy() == 1);
  CATCH_CHECK(*last.metric("perplexity") < 1.1);
  CATCH_CHECK(*last.metric("perplexity") == Catch::Approx(std::exp(*last.loss)));
}

CATCH_TEST_CASE("a variational autoencoder has the loss of its bound") {
  torch::manual_seed(1);
  Code model;
  using Vae = Trainer<Code, Preset<Reconstruction{.beta = 0.5}>, SquaredError,
                      Preset<Plain{.batch_size = 16}>>;
  Vae trainer(model, {.epochs = 2, .device = c10::kCPU});
  trainer.fit(Points(48));
  const auto found = *trainer.evaluate(Points(48)).loss;
  const at::NoGradGuard no_grad;
  const auto x = Points(48).inputs_;
  const auto [output, mean, log_variance] = model->forward(x);
  const auto divergence =
      (mean.square() + log_variance.exp() - 1 - log_variance).sum() / 2 / 48.0 / 6.0;
  const auto expected = (output - x).square().mean() + 0.5 * divergence;
  CATCH_CHECK(found == Catch::Approx(expected.item<double>()).epsilon(1e-5));
}

CATCH_TEST_CASE("the divergence of a code counts all its numbers, whatever its form") {
  const auto code = torch::randn({4, 2, 3, 5});
  const auto log_variance = torch::randn({4, 2, 3, 5});
  const auto x = torch::randn({4, 6});
  struct Given {
    at::Tensor mean, log_variance;
    const Given* operator->() const { return this; }
    [[nodiscard]] std::tuple<at::Tensor, at::Tensor, at::Tensor> forward(
        const at::Tensor& given) const {
      return {given, mean, log_variance};
    }
  };
  const auto loss_of = [&](const at::Tensor& mean, const at::Tensor& variance) {
    const Given model{mean, variance};
    return Reconstruction()
        .forward(model, Batch{x, {}}, Criterion(SquaredError(), Pass::training))
        .loss.item<double>();
  };
  CATCH_CHECK(loss_of(code, log_variance) ==
              Catch::Approx(loss_of(code.flatten(1), log_variance.flatten(1))));
}

CATCH_TEST_CASE("a model learns from a teacher, which stays as it is") {
  torch::manual_seed(1);
  Perceptron teacher;
  Perceptron student;
  const auto before = weights_of(*teacher);
  using Pupil = Trainer<Perceptron, Distillation<Perceptron>, Preset<SGD{.lr = 0.5}>,
                        Preset<Plain{.batch_size = 24}>>;
  Pupil::policies_type policies;
  CATCH_CHECK_THROWS_WITH(Pupil(student, {}, policies), ContainsSubstring("has no teacher"));
  policies.at<slot::task>().teacher = teacher;
  policies.at<slot::task>().share = 1;
  CATCH_CHECK_THROWS_WITH(Pupil(student, {}, policies), ContainsSubstring("training mode"));
  teacher->eval();
  Pupil trainer(student, {.epochs = 60, .device = c10::kCPU}, policies);
  const auto history = trainer.fit(Points(48));
  CATCH_CHECK(weights_of(*teacher).equal(before));
  CATCH_CHECK(*history.epochs.back().train_loss < 0.1 * *history.epochs.front().train_loss);
  const auto x = Points(48).inputs_;
  CATCH_CHECK(
      torch::allclose(student->forward(x).softmax(1), teacher->forward(x).softmax(1), 0, 0.1));
}

CATCH_TEST_CASE("neither part of a distillation counts where a class is ignored") {
  torch::manual_seed(1);
  Distillation<Perceptron> task{.share = 0.5, .teacher = Perceptron()};
  task.teacher->eval();
  Perceptron model;
  const CrossEntropy loss;
  auto some = Batch{torch::randn({4, 6}), torch::tensor({0, -100, 2, -100})};
  const auto kept = torch::tensor({0, 2});
  const auto few = Batch{some.input.index_select(0, kept), some.target.index_select(0, kept)};
  const auto of = [&](const Batch& batch) {
    return task.forward(model, batch, Criterion(loss, Pass::evaluation)).loss.item<double>();
  };
  CATCH_CHECK(of(some) == Catch::Approx(of(few)));
  const auto before = task.fingerprint();
  task.teacher->hidden->bias.data().add_(1);
  CATCH_CHECK(task.fingerprint() != before);
}

CATCH_TEST_CASE("class weights weigh the targets' loss of a distillation, not its divergence") {
  const std::vector<double> weights{4, 0, 0.5};
  const auto doubles = [](std::uint64_t seed) {
    auto net = perceptron(seed);
    net->to(at::kDouble);
    return net;
  };
  Distillation<Perceptron> task{.share = 0.75, .teacher = doubles(5)};
  task.teacher->eval();
  const WeightedCrossEntropy loss{.label_smoothing = 0.1, .weights = weights};
  Points all(12);
  all.inputs_ = all.inputs_.to(at::kDouble);
  auto model = doubles(0);
  const auto of = [&](const Batch& batch, Pass pass) {
    return task.forward(model, batch, Criterion(loss, pass)).loss.item<double>();
  };
  {  // By the definition, over all samples.
    const at::NoGradGuard no_grad;
    const auto soft = [&](Perceptron& net) {
      return (net->forward(all.inputs_) / task.temperature).log_softmax(1);
    };
    const auto wanted = soft(task.teacher);
    const auto divergence = 16 * (wanted.exp() * (wanted - soft(model))).sum(1).mean();
    const auto own =
        at::cross_entropy_loss(model->forward(all.inputs_), all.targets_,
                               torch::tensor(weights, at::kDouble), at::Reduction::Sum) /
        12;
    const auto expected = (0.75 * divergence + 0.25 * own).item<double>();
    CATCH_CHECK(std::abs(of({all.inputs_, all.targets_}, Pass::evaluation) - expected) < 1e-12);
  }
  // Of a class that weighs nothing the divergence is left.
  const Batch nothing{all.inputs_.narrow(0, 0, 2), torch::tensor({1, 1})};
  CATCH_CHECK(of(nothing, Pass::evaluation) > 0);
  CATCH_CHECK(std::isfinite(of(nothing, Pass::training)));

  // Three batches of 4 accumulated are one of 12, and an evaluation by 5 is one by 12.
  const auto run = [&](std::int64_t size, std::int64_t steps, std::int64_t evaluated) {
    using T = Trainer<Perceptron, Distillation<Perceptron>, WeightedCrossEntropy, Plain, Accumulate,
                      Preset<SGD{.lr = 0.5}>>;
    T::policies_type policies;
    policies.at<slot::task>() = task;
    policies.at<slot::loss>() = loss;
    policies.at<slot::loading>().batch_size = size;
    policies.at<slot::accumulation>().steps = steps;
    T trainer(doubles(0), {.epochs = 2, .device = c10::kCPU, .evaluation_batch_size = evaluated},
              policies);
    trainer.fit(all);
    return std::pair(weights_of(*trainer.model()), *trainer.evaluate(all).loss);
  };
  const auto [whole, value] = run(12, 1, 12);
  const auto [parts, value_of_parts] = run(4, 3, 5);
  CATCH_CHECK(at::allclose(whole, parts, 1e-9, 1e-12));
  CATCH_CHECK(std::abs(value - value_of_parts) < 1e-12);
}

CATCH_TEST_CASE("a distillation of anything but scores of the same classes is refused") {
  const auto x = torch::randn({4, 6});
  const auto refused = [&]<class Model>(Model model, Model teacher, const auto& loss,
                                        const at::Tensor& target, const std::string& part) {
    Distillation<Model> task{.teacher = teacher};
    task.teacher->eval();
    const Criterion criterion(loss, Pass::training);
    CATCH_CHECK_THROWS_AS(task.forward(model, Batch{x, target}, criterion), ConfigurationError);
    CATCH_CHECK_THROWS_WITH(task.forward(model, Batch{x, target}, criterion),
                            ContainsSubstring(part));
  };
  using torch::nn::Linear;
  const auto classes = torch::tensor({0, 1, 2, 0});
  refused(Linear(6, 1), Linear(6, 1), Lenient(), torch::ones({4, 1}), "2 classes or more");
  refused(Linear(6, 3), Linear(6, 4), CrossEntropy(), classes, "the teacher [4, 4]");
  refused(Linear(6, 3), Linear(6, 1), CrossEntropy(), classes, "the teacher [4, 1]");
  const auto yes = torch::ones({4, 3});
  refused(Linear(6, 3), Linear(6, 3), BinaryCrossEntropy(), yes, "BinaryCrossEntropy of axis loss");
  refused(Linear(6, 3), Linear(6, 3), SquaredError(), yes, "choose a loss of classes");
}

CATCH_TEST_CASE("a task of its own loss is not judged by the loss policy's answers") {
  Trainer<TwoInputs, BothInputs, R2, Preset<Plain{.batch_size = 12}>, SquaredError> right(
      two_inputs());
  CATCH_CHECK_FALSE(right.evaluate(Pairs()).accuracy().has_value());
  Trainer<TwoInputs, OwnLoss, R2, Preset<Plain{.batch_size = 12}>> trainer(two_inputs());
  const auto found = trainer.evaluate(Pairs());  // CrossEntropy is not asked
  CATCH_CHECK_FALSE(found.accuracy().has_value());
  CATCH_CHECK(found.metric("r2").has_value());
}

CATCH_TEST_CASE("windows of a text are cut alike on the host and on a device") {
  const data::TokenDataset text(data::byte_ids("abcdefghijk"), 4, 3);
  CATCH_REQUIRE(text.size() == 3);  // abcd, defg, ghij
  const std::vector<std::int64_t> order{2, 0};
  const auto batch = text.batch(order);
  CATCH_CHECK(batch.input[0].equal(torch::tensor({103, 104, 105, 106})));
  CATCH_CHECK(batch.target[0].equal(torch::tensor({104, 105, 106, 107})));
  const auto there = text.on_device(c10::kCPU).epoch(order);
  CATCH_CHECK(there.batch(0, 2).input.equal(batch.input));
  CATCH_CHECK(there.batch(1, 1).target.equal(batch.target.narrow(0, 1, 1)));
  const auto small = torch::arange(11, torch::kShort);
  CATCH_CHECK(data::TokenDataset(small, 4, 3).batch(order).input[1].equal(torch::arange(4)));
  CATCH_CHECK(data::TokenDataset(small, 4, 3).fingerprint() !=
              data::TokenDataset(small, 4, 2).fingerprint());
  // Two bytes of 8 bits are one of 16: the windows [1, 0] and [1, 2] are of the same bytes.
  CATCH_CHECK(data::TokenDataset(torch::tensor({1, 0, 2, 0}, torch::kByte), 1).fingerprint() !=
              data::TokenDataset(torch::tensor({1, 2}, torch::kShort), 1).fingerprint());
  CATCH_CHECK_THROWS_WITH(data::TokenDataset(small, 11), ContainsSubstring("expected at least 12"));
  CATCH_CHECK_THROWS_WITH(data::TokenDataset(torch::rand({11}), 4),
                          ContainsSubstring("whole numbers"));
  CATCH_CHECK_THROWS_WITH(text.batch(std::vector<std::int64_t>{3}), ContainsSubstring("Window 3"));
}

CATCH_TEST_CASE("a task that gives no loss, and batches that disagree, are refused") {
  Trainer<Perceptron, Wide, Preset<Plain{.batch_size = 24}>> wide(perceptron());
  CATCH_CHECK_THROWS_WITH(wide.fit(Points(48)), ContainsSubstring("one float for its loss"));

  struct Uneven : Pairs {
    [[nodiscard]] Pair batch(std::span<const std::int64_t> indices) const {
      auto pair = Pairs::batch(indices);
      pair.inputs.facts = pair.inputs.facts.narrow(0, 1, pair.inputs.facts.size(0) - 1);
      return pair;
    }
  };
  Regression<Preset<Plain{.batch_size = 12}>> trainer(two_inputs());
  CATCH_CHECK_THROWS_WITH(trainer.fit(Uneven()), ContainsSubstring("tensors of 12, 11, 12"));
}
