// Runs over streams: what they learn, where they end, and how they resume.
#include "../catch.hpp"
#include "../folder.hpp"
#include "../pipe.hpp"
#include "toys.hpp"
#include <gradus/checkpoint/checkpoints.hpp>
#include <gradus/core/step_plan.hpp>
#include <gradus/data/tensor_dataset.hpp>
#include <gradus/data/text_stream.hpp>
#include <gradus/data/token_dataset.hpp>
#include <gradus/policy/accumulation/accumulate.hpp>
#include <gradus/policy/averaging/ema.hpp>
#include <gradus/policy/loading/plain.hpp>
#include <gradus/policy/loading/prefetch.hpp>
#include <gradus/policy/loss/squared_error.hpp>
#include <gradus/policy/metric/perplexity.hpp>
#include <gradus/policy/metric/r2.hpp>
#include <gradus/policy/optimizer/adamw.hpp>
#include <gradus/policy/sampling/in_order.hpp>
#include <gradus/policy/schedule/cosine.hpp>
#include <gradus/policy/stopping/early_stop.hpp>
#include <gradus/policy/task/next_token.hpp>
#include <gradus/testing.hpp>
#include <gradus/train/trainer.hpp>

#include <torch/torch.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <fstream>
#include <iterator>
#include <numeric>
#include <optional>
#include <string>
#include <vector>

using namespace gradus;
using Catch::Matchers::ContainsSubstring;

namespace {

/// The points of a set one after another, `most` at a time; it cannot say where it stands.
struct Flow {
  Points points;
  std::int64_t most = 1000;
  std::int64_t given = 0;

  std::optional<Batch> next(std::int64_t samples) {
    const auto count = std::min({samples, most, points.size() - given});
    if (count == 0) return std::nullopt;
    std::vector<std::int64_t> indices(static_cast<std::size_t>(count));
    std::iota(indices.begin(), indices.end(), given);
    given += count;
    return points.batch(indices);
  }
};

struct Positioned : Flow {
  void save(StateDict& to) const { to.put("given", given); }
  void load(const StateDict& from) { given = from.number("given"); }
};

/// Where a pendulum is, and where it is a little later. It can continue from any place.
struct Pendulum {
  double angle = 1;
  double speed = 0;

  std::optional<gradus::Batch> next(std::int64_t samples) {
    gradus::Batch batch{at::empty({samples, 2}), at::empty({samples, 2})};
    for (std::int64_t i = 0; i < samples; ++i) {
      put(batch.input.mutable_data_ptr<float>() + 2 * i);
      speed -= 0.1 * std::sin(angle);
      angle += 0.1 * speed;
      put(batch.target.mutable_data_ptr<float>() + 2 * i);
    }
    return batch;
  }

  void put(float* to) const {
    to[0] = static_cast<float>(angle);
    to[1] = static_cast<float>(speed);
  }
  void save(StateDict& to) const {
    to.put("angle", angle);
    to.put("speed", speed);
  }
  void load(const StateDict& from) {
    angle = from.real("angle");
    speed = from.real("speed");
  }
};

/// As many logits for the next byte as there are bytes, from the last one alone.
struct BigramImpl : torch::nn::Module {
  torch::nn::Embedding table = register_module("table", torch::nn::Embedding(256, 256));
  at::Tensor forward(const at::Tensor& ids) { return table(ids); }
};
TORCH_MODULE(Bigram);

static_assert(data::Stream<Flow> && !data::PositionedStream<Flow>);
static_assert(data::PositionedStream<Positioned>);
static_assert(!data::Stream<Points> && !data::Dataset<Flow> && !data::Stream<const Flow>);

using Batches = Preset<Plain{.batch_size = 8}>;
using Ahead = Preset<Prefetch{.batch_size = 8, .workers = 3}>;

RunSettings steps(std::int64_t count) { return {.max_steps = count, .device = c10::kCPU}; }

}  // namespace

CATCH_TEMPLATE_TEST_CASE("a stream teaches what a dataset in the same order does", "", Batches,
                         Ahead) {
  Trainer<Perceptron, Batches, InOrder, Accumulate, AdamW, Cosine> by_set(perceptron(), steps(7));
  by_set.fit(Points(8 * 20).first(8 * 14));
  auto run = steps(7);
  for (const std::int64_t length : {0, 1, 3, 7}) {
    if (length > 0) run.steps_per_epoch = length;
    Trainer<Perceptron, TestType, Accumulate, AdamW, Cosine> trainer(perceptron(), run);
    Positioned flow{Points(8 * 20)};
    const auto history = trainer.fit(flow, Points(8));
    CATCH_CHECK(weights_of(*trainer.model()).equal(weights_of(*by_set.model())));
    CATCH_CHECK(history.end == RunEnd::whole);
    CATCH_CHECK(std::ssize(history.epochs) == (length == 0 ? 1 : (7 + length - 1) / length));
    CATCH_CHECK(history.epochs.back().test);
    CATCH_CHECK(flow.given == 8 * 14);  // nothing was read that was not trained on
  }
}

CATCH_TEST_CASE("short batches weigh what they hold") {
  // Windows of two batches: 5 + 5 samples are the step of 10, and of 8 + 2.
  Trainer<Perceptron, Preset<Plain{.batch_size = 10}>, InOrder, AdamW> at_once(perceptron(),
                                                                               steps(3));
  at_once.fit(Points(30));
  Trainer<Perceptron, Batches, Accumulate, AdamW> in_parts(perceptron(), steps(3));
  in_parts.fit(Flow{Points(30), 5});
  CATCH_CHECK(
      at::allclose(weights_of(*in_parts.model()), weights_of(*at_once.model()), 1e-5, 1e-6));
}

CATCH_TEST_CASE("short batches of a stream are left out where last batches are dropped") {
  auto run = steps(100);
  Trainer<Perceptron, Preset<Plain{.batch_size = 8, .drop_last = true}>> trainer(perceptron(), run);
  const auto history = trainer.fit(Flow{Points(17)});
  CATCH_CHECK(history.end == RunEnd::out_of_data);
  CATCH_CHECK(history.epochs.back().samples == 16);
}

CATCH_TEST_CASE("a stream that only gives short batches is refused where those are left out") {
  using Whole = Trainer<Perceptron, Preset<Plain{.batch_size = 8, .drop_last = true}>>;
  Whole trainer(perceptron(), steps(100));
  CATCH_CHECK_THROWS_WITH(trainer.fit(Flow{Points(400), /*most=*/5}),
                          ContainsSubstring("for up to 8 samples and gave fewer 10 times in a row, "
                                            "5 the last time, but loading.drop_last leaves"));
  Whole again(perceptron(), steps(100));
  CATCH_CHECK_THROWS_WITH(again.fit(Flow{Points(20), /*most=*/5}),
                          ContainsSubstring("without a whole batch; give it more samples, or set "
                                            "loading.drop_last to false"));
}

CATCH_TEST_CASE("a stream that ends earlier ends the run, with all that it gave trained on") {
  for (const std::int64_t size : {8, 20, 32, 41}) {
    auto run = steps(100);
    run.steps_per_epoch = 2;
    Trainer<Perceptron, Batches, Accumulate, AdamW> trainer(perceptron(), run);
    const auto history = trainer.fit(Flow{Points(size)}, Points(8));
    CATCH_CHECK(history.end == RunEnd::out_of_data);
    std::int64_t samples = 0;
    std::int64_t taken = 0;
    for (const auto& record : history.epochs) {
      samples += record.samples;
      taken += record.optimizer_steps;
      CATCH_CHECK(record.samples > 0);
    }
    CATCH_CHECK(samples == size);
    CATCH_CHECK(taken == (size + 15) / 16);
  }
}

CATCH_TEMPLATE_TEST_CASE("a run over a stream that says where it stands resumes to the bit", "",
                         Batches, Ahead) {
  using T = Trainer<Perceptron, TestType, Accumulate, AdamW, Cosine>;
  auto run = steps(9);
  run.steps_per_epoch = 4;
  T straight(perceptron(), run);
  straight.fit(Positioned{Points(8 * 18)});
  for (const std::int64_t at : {1, 4, 6, 8}) {
    auto part = run;
    part.stop_after_steps = at;
    T before(perceptron(), part);
    before.fit(Positioned{Points(8 * 18)});
    T after(perceptron(3), run);
    after.load_state(before.save_state());
    after.fit(Positioned{Points(8 * 18)});
    CATCH_CHECK(weights_of(*after.model()).equal(weights_of(*straight.model())));
  }
}

CATCH_TEST_CASE("a run over a stream is saved and resumed from a folder") {
  using T = Trainer<Perceptron, Ahead, AdamW, Cosine>;
  const auto run = steps(12);
  T straight(perceptron(), run);
  straight.fit(Positioned{Points(96)});

  const test::Folder folder;
  auto part = run;
  part.stop_after_steps = 7;
  {
    T before(perceptron(), part);
    Checkpoints checkpoints(before, folder / "run", {.every_steps = 3});
    before.fit(Positioned{Points(96)}, checkpoints);
  }
  T after(perceptron(1), run);
  Checkpoints checkpoints(after, folder / "run");
  Positioned flow{Points(96)};
  CATCH_CHECK(checkpoints.resume(flow));
  after.fit(flow, checkpoints);
  CATCH_CHECK(weights_of(*after.model()).equal(weights_of(*straight.model())));
}

CATCH_TEST_CASE("a stream that cannot say where it stands is resumed on request only") {
  using T = Trainer<Perceptron, Batches>;
  auto part = steps(6);
  part.stop_after_steps = 2;
  T before(perceptron(), part);
  Flow flow{Points(100)};
  before.fit(flow);
  T after(perceptron(), steps(6));
  after.load_state(before.save_state());
  CATCH_CHECK_THROWS_WITH(after.fit(flow), ContainsSubstring("does not say where it stands"));
  auto allowed = steps(6);
  allowed.allow_other_data = true;
  T goes_on(perceptron(), allowed);
  goes_on.load_state(before.save_state());
  CATCH_CHECK(goes_on.fit(flow).end == RunEnd::whole);
  CATCH_CHECK(flow.given == 48);

  T on_a_set(perceptron(), steps(6));
  on_a_set.load_state(before.save_state());
  CATCH_CHECK_THROWS_WITH(on_a_set.fit(Points(64)), ContainsSubstring("other data"));
}

CATCH_TEST_CASE("what a run over a stream cannot have is refused before step 0") {
  const auto refusal = [](const RunSettings& run, Flow flow) {
    Trainer<Perceptron, Batches> trainer(perceptron(), run);
    try {
      trainer.fit(flow);
    } catch (const Error& error) {
      CATCH_CHECK(flow.given == 0);
      return std::string(error.what());
    }
    return std::string();
  };
  const Flow flow{Points(40)};
  CATCH_CHECK_THAT(refusal({.device = c10::kCPU}, flow), ContainsSubstring("set max_steps"));
  auto run = steps(3);
  run.overfit_batches = 1;
  CATCH_CHECK_THAT(refusal(run, flow), ContainsSubstring("overfit_batches"));
  run = steps(3);
  run.limit_train_batches = 1;
  CATCH_CHECK_THAT(refusal(run, flow), ContainsSubstring("steps_per_epoch"));
  CATCH_CHECK_THAT(refusal(steps(3), Flow{Points(1).first(0)}),
                   ContainsSubstring("ended before the first step"));

  struct NormedImpl : torch::nn::Module {
    torch::nn::BatchNorm1d norm = register_module("norm", torch::nn::BatchNorm1d(6));
    torch::nn::Linear head = register_module("head", torch::nn::Linear(6, 3));
    at::Tensor forward(const at::Tensor& x) { return head(norm(x)); }
  };
  using Normed = torch::nn::ModuleHolder<NormedImpl>;
  Trainer<Normed, Batches, Preset<EMA{.batches = 4}>> averages(
      Normed(std::make_shared<NormedImpl>()), steps(3));
  CATCH_CHECK_THROWS_WITH(averages.fit(Flow{Points(40)}), ContainsSubstring("a stream gives only"));
  Trainer<Normed, Batches, EMA> kept(Normed(std::make_shared<NormedImpl>()), steps(3));
  CATCH_CHECK(kept.fit(Flow{Points(40)}).end == RunEnd::whole);
}

CATCH_TEST_CASE("a batch that a stream may not give is refused") {
  struct Wrong {
    std::int64_t rows;
    std::int64_t targets;
    std::optional<Batch> next(std::int64_t) {
      return Batch{torch::zeros({rows, 6}), torch::zeros({targets}, at::kLong)};
    }
  };
  Trainer<Perceptron, Batches> trainer(perceptron(), steps(3));
  CATCH_CHECK_THROWS_WITH(trainer.fit(Wrong{0, 0}), ContainsSubstring("tensors of 0, 0 rows"));
  CATCH_CHECK_THROWS_WITH(trainer.fit(Wrong{9, 9}), ContainsSubstring("up to 8 samples"));
  CATCH_CHECK_THROWS_WITH(trainer.fit(Wrong{4, 3}), ContainsSubstring("4, 3 rows"));
}

CATCH_TEMPLATE_TEST_CASE("what a stream throws comes out of the run", "", Batches, Ahead) {
  struct Broken : Flow {
    std::optional<Batch> next(std::int64_t samples) {
      if (given >= 24) throw DataError("the line is cut");
      return Flow::next(samples);
    }
  };
  Trainer<Perceptron, TestType, AdamW> trainer(perceptron(), steps(9));
  CATCH_CHECK_THROWS_WITH(trainer.fit(Broken{{Points(100)}}), "the line is cut");
}

CATCH_TEST_CASE("policies that follow results follow those of a stream's epochs") {
  auto run = steps(1000);
  run.steps_per_epoch = 5;
  Trainer<Perceptron, Batches, Preset<AdamW{.lr = 0.5}>,
          Preset<EarlyStop{.patience = 2, .restore_best = true}>>
      trainer(perceptron(), run);
  const auto history = trainer.fit(Flow{Points(8000)}, Points(16));
  CATCH_CHECK(history.epochs.size() < 200);
  const auto best = std::min_element(
      history.epochs.begin(), history.epochs.end(),
      [](const EpochRecord& a, const EpochRecord& b) { return *a.test->loss < *b.test->loss; });
  CATCH_CHECK(*trainer.evaluate(Points(16)).loss == *best->test->loss);
}

CATCH_TEST_CASE("streams keep the laws, and one that breaks them is found") {
  testing::check_stream_laws([] { return Pendulum(); });
  testing::check_stream_laws([] { return Positioned{Points(100), 3}; });
  struct Forgetful : Flow {
    void save(StateDict& to) const { to.put("given", given); }
    void load(const StateDict&) {}
  };
  testing::BrokenLaws laws;
  testing::stream_laws(laws, [] { return Forgetful{{Points(100)}}; });
  CATCH_CHECK(laws.sentences().size() == 1);
}

CATCH_TEST_CASE("a model learns from a simulation, and resumes it bit for bit") {
  using T = Trainer<torch::nn::Linear, SquaredError, R2, Ahead, Preset<AdamW{.lr = 0.05}>>;
  const auto linear = [] {
    torch::manual_seed(0);
    return torch::nn::Linear(2, 2);
  };
  T straight(linear(), steps(300));
  straight.fit(Pendulum());
  auto part = steps(300);
  part.stop_after_steps = 131;
  T before(linear(), part);
  before.fit(Pendulum());
  T after(linear(), steps(300));
  after.load_state(before.save_state());
  after.fit(Pendulum());
  CATCH_CHECK(weights_of(*after.model()).equal(weights_of(*straight.model())));
  const auto held_out = *Pendulum{.angle = 0.5}.next(200);
  CATCH_CHECK(after.evaluate(data::TensorDataset(held_out)).metric("r2") > 0.95);
}

CATCH_TEST_CASE("a model learns from a pipe, and a run over it that was cut resumes to the bit") {
  const test::Folder folder;
  const auto path = folder / "text";
  std::ofstream text(path);
  for (int i = 0; i < 4000; ++i) text << "line " << i * i << " of the text\n";
  text.close();
  using T = Trainer<Bigram, NextToken, Perplexity, Ahead, Preset<AdamW{.lr = 0.1}>>;
  const auto run_over = [&](const RunSettings& run, const StateDict* state) {
    torch::manual_seed(0);
    T trainer(Bigram(), run);
    if (state != nullptr) trainer.load_state(*state);
    test::Pipe pipe("cat " + path.string());
    data::TextStream stream(pipe.text, 20);
    trainer.fit(stream);
    return trainer;
  };
  auto straight = run_over(steps(200), nullptr);
  auto part = steps(200);
  part.stop_after_steps = 77;
  const auto state = run_over(part, nullptr).save_state();
  auto resumed = run_over(steps(200), &state);
  CATCH_CHECK(weights_of(*resumed.model()).equal(weights_of(*straight.model())));
  std::ifstream again(path);
  const std::string whole(std::istreambuf_iterator<char>(again), {});
  const data::TokenDataset held_out(data::byte_ids(whole), 100);
  CATCH_CHECK(resumed.evaluate(held_out).metric("perplexity") < 8);
}
