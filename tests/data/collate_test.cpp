// Single samples of different lengths, and how they become a batch.
#include "catch.hpp"
#include "train/toys.hpp"
#include <gradus/data/collate.hpp>
#include <gradus/policy/accumulation/accumulate.hpp>
#include <gradus/policy/loading/prefetch.hpp>
#include <gradus/policy/metric/perplexity.hpp>
#include <gradus/policy/task/next_token.hpp>
#include <gradus/train/trainer.hpp>

#include <cmath>
#include <string_view>
#include <utility>
#include <vector>

using namespace gradus;
using Catch::Matchers::ContainsSubstring;
using data::Collated;
using data::Pad;
using data::Padded;
using data::Stack;

namespace {

using Indices = std::vector<std::int64_t>;

/// Samples that lie in a vector.
template <class S>
struct Listed {
  std::vector<S> all;
  [[nodiscard]] std::int64_t size() const { return static_cast<std::int64_t>(all.size()); }
  [[nodiscard]] S sample(std::int64_t i) const { return all.at(static_cast<std::size_t>(i)); }
  [[nodiscard]] std::uint32_t fingerprint() const { return 5; }
};

struct Passage {
  at::Tensor ids;    ///< [T]
  at::Tensor kinds;  ///< [T, 2]
  at::Tensor page;   ///< []
};

Passage passage(std::vector<std::int64_t> ids, std::int64_t page) {
  const auto t = torch::tensor(ids);
  return {t, torch::stack({t, -t}, 1).to(torch::kFloat), torch::scalar_tensor(page, torch::kLong)};
}

Listed<Passage> passages() {
  return {{passage({1, 2, 3}, 0), passage({4}, 1), passage({5, 6}, 2)}};
}

Batch tokens(std::vector<std::int64_t> ids) {
  const auto t = torch::tensor(ids);
  const auto length = t.size(0) - 1;
  return {t.narrow(0, 0, length), t.narrow(0, 1, length)};
}

/// Points in a row, 1 to 7 long, each with a number that follows from it.
struct Series {
  at::Tensor points;   ///< [T, 2]
  at::Tensor numbers;  ///< [T]
};

Listed<Series> series() {
  Listed<Series> set;
  for (std::int64_t i = 0; i < 24; ++i) {
    const auto length = 1 + i * i % 7;
    const auto points = (torch::arange(2 * length, torch::kFloat) + 3 * i).view({length, 2}).sin();
    set.all.push_back({points, points.sum(1) + static_cast<float>(i) / 2});
  }
  return set;
}

struct LineImpl : torch::nn::Module {
  torch::nn::Linear layer = register_module("layer", torch::nn::Linear(2, 1));
  at::Tensor forward(const at::Tensor& points) { return layer(points).squeeze(-1); }
};
TORCH_MODULE(Line);

/// The mean of squares over all positions that are no padding.
struct MaskedSquares {
  using slot = gradus::slot::task;
  static constexpr std::string_view name = "MaskedSquares";
  static constexpr auto fields() { return no_fields; }

  TaskResult forward(auto& model, const Padded<Series>& batch, const auto&) const {
    const auto off = model->forward(batch.samples.points) - batch.samples.numbers;
    return {(off.square() * batch.mask).sum() / batch.lengths.sum()};
  }
  double weight(const Padded<Series>& batch) const { return data::positions(batch); }
};

using SeriesSet = Collated<Listed<Series>, Pad>;
template <class... Ps>
using Fit = Trainer<Line, MaskedSquares, Preset<SGD{.lr = 0.1}>, Ps...>;
using Small = Preset<Plain{.batch_size = 12}>;

Line line() {
  torch::manual_seed(3);
  return Line();
}

struct TableImpl : torch::nn::Module {
  torch::nn::Embedding scores = register_module("scores", torch::nn::Embedding(9, 9));
  at::Tensor forward(const at::Tensor& ids) { return scores(ids); }
};
TORCH_MODULE(Table);

}  // namespace

static_assert(data::FingerprintedDataset<SeriesSet>);
static_assert(OnlyTensors<Padded<Series>> && OnlyTensors<Padded<Batch>>);

CATCH_TEST_CASE("samples of equal shapes are stacked") {
  const Collated<Listed<Passage>, Stack> set(
      {{passage({1, 2}, 0), passage({3, 4}, 1), passage({5, 6}, 2)}});
  const auto batch = set.batch(Indices{2, 0, 2});
  CATCH_CHECK(batch.ids.equal(torch::tensor({{5, 6}, {1, 2}, {5, 6}})));
  CATCH_CHECK(batch.kinds.sizes() == at::IntArrayRef({3, 2, 2}));
  CATCH_CHECK(batch.kinds[1].equal(torch::tensor({{1.F, -1.F}, {2.F, -2.F}})));
  CATCH_CHECK(batch.page.equal(torch::tensor({2, 0, 2})));
  const Collated<Listed<at::Tensor>, Stack> plain({{torch::eye(3).t(), torch::ones({3, 3})}});
  CATCH_CHECK(plain.batch(Indices{1, 0})[1].equal(torch::eye(3)));
}

CATCH_TEST_CASE("samples of different lengths are padded to the longest of their batch") {
  const Collated<Listed<Passage>, Pad> set(passages());
  const auto batch = set.batch(Indices{1, 0, 2});
  CATCH_CHECK(batch.samples.ids.equal(torch::tensor({{4, 0, 0}, {1, 2, 3}, {5, 6, 0}})));
  CATCH_CHECK(batch.samples.kinds[0].equal(torch::tensor({{4.F, -4.F}, {0.F, 0.F}, {0.F, 0.F}})));
  CATCH_CHECK(batch.samples.page.equal(torch::tensor({1, 0, 2})));
  CATCH_CHECK(batch.lengths.equal(torch::tensor({1, 3, 2})));
  CATCH_CHECK(batch.mask.equal(batch.samples.ids > 0));
  CATCH_CHECK(data::positions(batch) == 6);
  CATCH_CHECK(batch_size(batch) == 3);
  CATCH_CHECK(set.batch(Indices{1, 2}).mask.sizes() == at::IntArrayRef({2, 2}));
}

CATCH_TEST_CASE("targets are padded with -100, and anything with what is given") {
  const Listed<Batch> text{{tokens({1, 2, 3, 4}), tokens({5, 6})}};
  const auto batch = Collated<Listed<Batch>, Pad>(text).batch(Indices{1, 0});
  CATCH_CHECK(batch.input.equal(torch::tensor({{5, 0, 0}, {1, 2, 3}})));
  CATCH_CHECK(batch.target.equal(torch::tensor({{6, -100, -100}, {2, 3, 4}})));
  CATCH_CHECK(batch.mask.equal(batch.target >= 0));
  const Collated<Listed<Batch>, Pad> own(text, {.fills = {8, -1}});
  CATCH_CHECK(own.batch(Indices{1, 0}).input[0].equal(torch::tensor({5, 8, 8})));
  CATCH_CHECK(own.batch(Indices{1, 0}).target[0].equal(torch::tensor({6, -1, -1})));
  CATCH_CHECK(own.fingerprint() != Collated<Listed<Batch>, Pad>(text).fingerprint());
  const Listed<Batch> numbers{
      {Batch{torch::ones({2}), torch::ones({2})}, Batch{torch::ones({1}), torch::ones({1})}}};
  const auto floats = Collated<Listed<Batch>, Pad>(numbers).batch(Indices{0, 1});
  CATCH_CHECK(floats.target[1].equal(torch::tensor({1.F, 0.F})));
}

CATCH_TEST_CASE("samples that make no batch are refused with what they are") {
  const auto refusal = [](const auto& set, Indices indices) {
    try {
      static_cast<void>(set.batch(indices));
    } catch (const DataError& error) {
      return std::string(error.what());
    }
    return std::string();
  };
  const Collated<Listed<Passage>, Stack> stacked(passages());
  CATCH_CHECK_THAT(refusal(stacked, {0, 1}),
                   ContainsSubstring("Tensor 0 of sample 1 of a batch is Long [1]") &&
                       ContainsSubstring("equal shapes, or the policy Pad"));
  CATCH_CHECK_THAT(refusal(stacked, {0, 3}), ContainsSubstring("Sample 3 was asked for"));
  CATCH_CHECK_THAT(refusal(stacked, {-1}), ContainsSubstring("expected an index from 0"));
  CATCH_CHECK_THAT(refusal(stacked, {}), ContainsSubstring("no samples"));

  const std::vector<Passage> none;
  CATCH_CHECK_THROWS_WITH(Stack().collate(none), ContainsSubstring("A batch of no samples"));
  CATCH_CHECK_THROWS_WITH(Pad().collate(none), ContainsSubstring("A batch of no samples"));

  const auto pad = [](std::vector<at::Tensor> samples, Pad policy = {}) {
    return Collated<Listed<at::Tensor>, Pad>({std::move(samples)}, std::move(policy));
  };
  CATCH_CHECK_THAT(refusal(pad({torch::ones({2, 3}), torch::ones({4, 2})}), {0, 1}),
                   ContainsSubstring("Float [4, 2]") && ContainsSubstring("first dimension alone"));
  CATCH_CHECK_THAT(refusal(pad({torch::ones({2}), torch::arange(2)}), {0, 1}),
                   ContainsSubstring("Long [2]") && ContainsSubstring("one type"));
  CATCH_CHECK_THAT(refusal(pad({torch::ones({2}), torch::ones({2, 1})}), {0, 1}),
                   ContainsSubstring("Float [2, 1]"));
  CATCH_CHECK_THAT(refusal(pad({torch::ones({2}), at::Tensor()}), {0, 1}),
                   ContainsSubstring("is undefined"));
  CATCH_CHECK_THAT(refusal(pad({torch::ones({2}), torch::ones({0})}), {0, 1}),
                   ContainsSubstring("Sample 1 of a batch is empty"));
  CATCH_CHECK_THAT(refusal(pad({torch::ones({})}), {0}), ContainsSubstring("no dimensions"));
  CATCH_CHECK_THAT(refusal(pad({torch::ones({2})}, {.fills = {0, 1}}), {0}),
                   ContainsSubstring("2 fills for samples of 1 tensors"));
  CATCH_CHECK_THAT(refusal(pad({torch::ones({2}, torch::kByte)}, {.fills = {-100}}), {0}),
                   ContainsSubstring("Padding with -100") && ContainsSubstring("type Byte"));
  const Collated<Listed<std::vector<at::Tensor>>, Stack> uneven(
      {{{torch::ones({2})}, {torch::ones({2}), torch::ones({2})}}});
  CATCH_CHECK_THAT(refusal(uneven, {0, 1}), ContainsSubstring("has 2 tensors"));
}

CATCH_TEST_CASE("a step accumulated over padded batches is that of one, since tokens weigh") {
  const SeriesSet set(series());
  const auto weights = [&](auto trainer) {
    trainer.fit(set);
    return weights_of(*trainer.model());
  };
  const auto whole = weights(Fit<Small>(line(), {.epochs = 3, .device = c10::kCPU}));
  const auto parts =
      weights(Fit<Preset<Prefetch{.batch_size = 4, .workers = 2, .ahead = 3}>,
                  Preset<Accumulate{.steps = 3}>>(line(), {.epochs = 3, .device = c10::kCPU}));
  CATCH_CHECK(torch::allclose(whole, parts, 1e-5, 1e-6));

  Fit<Small> begun(line(), {.epochs = 3, .device = c10::kCPU, .stop_after_steps = 3});
  begun.fit(set);
  Fit<Small> resumed(Line(), {.epochs = 3, .device = c10::kCPU});
  resumed.load_state(begun.save_state());
  resumed.fit(set);
  CATCH_CHECK(weights_of(*resumed.model()).equal(whole));
}

CATCH_TEST_CASE("a loss over padded batches is the mean over all positions") {
  const SeriesSet set(series());
  Fit<Small> trainer(line(), {.evaluation_batch_size = 5});
  double sum = 0, count = 0;
  const at::NoGradGuard no_grad;
  for (const auto& one : series().all) {
    const auto output = trainer.model()->forward(one.points);
    sum += (output - one.numbers).square().sum().item<double>();
    count += static_cast<double>(one.numbers.numel());
  }
  CATCH_CHECK(*trainer.evaluate(set).loss == Catch::Approx(sum / count).epsilon(1e-5));
}

CATCH_TEST_CASE("one padded batch can be learnt by heart") {
  Listed<Series> few = series();
  for (auto& one : few.all) one.numbers = one.points.sum(1);
  Fit<Preset<Plain{.batch_size = 4}>> trainer(
      line(), {.epochs = 100, .device = c10::kCPU, .overfit_batches = 1});
  const auto history = trainer.fit(SeriesSet(few));
  CATCH_CHECK(*history.epochs.back().train_loss < 0.1 * *history.epochs.front().train_loss);
}

CATCH_TEST_CASE("padded sentences are what NextToken takes, and their ends count nowhere") {
  Listed<Batch> text;
  for (std::int64_t i = 0; i < 16; ++i) {
    std::vector<std::int64_t> ids(static_cast<std::size_t>(2 + i % 5));
    for (std::size_t k = 0; k < ids.size(); ++k) ids[k] = (i + static_cast<std::int64_t>(k)) % 9;
    text.all.push_back(tokens(ids));
  }
  std::int64_t tokens_in_all = 0;
  for (const auto& one : text.all) tokens_in_all += one.target.numel();
  torch::manual_seed(1);
  Trainer<Table, NextToken, Perplexity, Preset<SGD{.lr = 20}>, Preset<Plain{.batch_size = 8}>>
      trainer(Table(), {.epochs = 20, .device = c10::kCPU});
  const Collated<Listed<Batch>, Pad> set(text);
  const auto history = trainer.fit(set, set);
  const auto& last = *history.epochs.back().test;
  CATCH_CHECK(last.counted == tokens_in_all);
  CATCH_CHECK(*last.accuracy() == 1);
  CATCH_CHECK(*last.metric("perplexity") == Catch::Approx(std::exp(*last.loss)));
}
