// How long a run is, and with which weights it ends.
#include "../catch.hpp"
#include "toys.hpp"
#include <gradus/core/step_plan.hpp>
#include <gradus/policy/accumulation/accumulate.hpp>
#include <gradus/policy/averaging/ema.hpp>
#include <gradus/policy/averaging/optimizer_average.hpp>
#include <gradus/policy/loading/plain.hpp>
#include <gradus/policy/mixing/mixup.hpp>
#include <gradus/policy/optimizer/adamw.hpp>
#include <gradus/policy/optimizer/schedule_free_adamw.hpp>
#include <gradus/policy/schedule/cosine.hpp>
#include <gradus/policy/stopping/early_stop.hpp>
#include <gradus/train/trainer.hpp>

#include <torch/torch.h>

#include <algorithm>
#include <chrono>
#include <span>
#include <thread>
#include <vector>

using namespace gradus;
using Catch::Matchers::ContainsSubstring;

namespace {

using Batches = Preset<Plain{.batch_size = 8}>;  // 5 steps an epoch of 40 points

struct Steps {
  std::vector<std::int64_t> epochs{};
  std::vector<double> rates{};
  std::int64_t planned = 0;

  void on(const FitBegin& event) { planned = event.epochs; }
  void on(const StepEnd& event) {
    epochs.push_back(event.epoch);
    rates.push_back(event.learning_rate);
  }
};

RunSettings steps(std::int64_t count) { return {.max_steps = count, .device = c10::kCPU}; }

}  // namespace

CATCH_TEST_CASE("a run of so many steps ends within an epoch, and its schedule with it") {
  Trainer<Perceptron, Batches, AdamW, Cosine> trainer(perceptron(), steps(12));
  Steps seen;
  const auto history = trainer.fit(Points(40), Points(8), seen);
  CATCH_CHECK(seen.planned == 3);
  CATCH_CHECK(seen.epochs.size() == 12);
  CATCH_CHECK(std::count(seen.epochs.begin(), seen.epochs.end(), 3) == 2);
  CATCH_CHECK(history.end == RunEnd::whole);
  CATCH_REQUIRE(history.epochs.size() == 3);
  CATCH_CHECK(history.epochs.back().optimizer_steps == 2);
  CATCH_CHECK(history.epochs.back().samples == 16);
  CATCH_CHECK(history.epochs.back().test);
  const Cosine cosine;
  CATCH_CHECK(seen.rates.back() == cosine.at(11, 12, AdamW{}.lr).learning_rate);
}

CATCH_TEST_CASE("fewer steps than an epoch has, and as many as two have") {
  for (const std::int64_t count : {1, 10}) {
    Trainer<Perceptron, Batches> trainer(perceptron(), steps(count));
    Steps seen;
    const auto history = trainer.fit(Points(40), seen);
    CATCH_CHECK(static_cast<std::int64_t>(seen.epochs.size()) == count);
    CATCH_CHECK(history.epochs.size() == (count == 1 ? 1 : 2));
  }
}

CATCH_TEST_CASE("a run of so many steps resumes to the bit") {
  using T = Trainer<Perceptron, Batches, AdamW, Cosine>;
  T straight(perceptron(), steps(13));
  straight.fit(Points(40));
  for (const std::int64_t at : {4, 10, 12}) {
    auto part = steps(13);
    part.stop_after_steps = at;
    T before(perceptron(), part);
    before.fit(Points(40));
    T after(perceptron(3), steps(13));
    after.load_state(before.save_state());
    after.fit(Points(40));
    CATCH_CHECK(weights_of(*after.model()).equal(weights_of(*straight.model())));
  }
}

CATCH_TEST_CASE("a run resumes with the length that it was begun with") {
  using T = Trainer<Perceptron, Batches, AdamW, Cosine>;
  auto part = steps(13);
  part.stop_after_steps = 4;
  T begun(perceptron(), part);
  begun.fit(Points(40));
  const auto state = begun.save_state();
  RunSettings fewer_batches = steps(13);
  fewer_batches.limit_train_batches = 3;
  for (const auto& run :
       {steps(3), steps(20), fewer_batches, RunSettings{.epochs = 3, .device = c10::kCPU}}) {
    T other(perceptron(), run);
    other.load_state(state);
    CATCH_CHECK_THROWS_WITH(other.fit(Points(40)), ContainsSubstring("was begun with 5"));
  }
  part.steps_per_epoch = fewer_batches.steps_per_epoch = 2;
  T in_parts(perceptron(), part);
  in_parts.fit(Points(40));
  T other(perceptron(), fewer_batches);
  other.load_state(in_parts.save_state());
  CATCH_CHECK_THROWS_WITH(other.fit(Points(40)), ContainsSubstring("5 a pass over the data"));
}

CATCH_TEST_CASE("epochs of so many steps continue the data where the one before stopped") {
  using T =
      Trainer<Perceptron, Batches, Accumulate, AdamW, Cosine>;  // passes of 5 batches, 3 steps
  T straight(perceptron(), steps(13));
  straight.fit(Points(40));
  for (const std::int64_t length : {1, 2, 3, 5, 13, 20}) {
    auto run = steps(13);
    run.steps_per_epoch = length;
    T cut(perceptron(), run);
    Steps seen;
    const auto history = cut.fit(Points(40), Points(8), seen);
    CATCH_CHECK(weights_of(*cut.model()).equal(weights_of(*straight.model())));
    const auto epochs = (13 + length - 1) / length;
    CATCH_CHECK(seen.planned == epochs);
    CATCH_REQUIRE(std::ssize(history.epochs) == epochs);
    std::int64_t samples = 0;
    for (const auto& record : history.epochs) {
      samples += record.samples;
      CATCH_CHECK(record.test);
    }
    CATCH_CHECK(samples == 4 * 40 + 16);
  }
}

CATCH_TEST_CASE("epochs of so many steps resume to the bit, within passes and over them") {
  using T = Trainer<Perceptron, Batches, Preset<Mixup{.classes = 3}>, AdamW, Cosine,
                    Preset<EMA{.batches = 2}>>;
  auto run = RunSettings{.epochs = 5, .steps_per_epoch = 3, .device = c10::kCPU};
  T straight(perceptron(), run);
  const auto whole = straight.fit(Points(40), Points(8));
  for (const std::int64_t at : {1, 3, 4, 5, 9, 10, 14, 15}) {
    auto part = run;
    part.stop_after_steps = at;
    T before(perceptron(), part);
    before.fit(Points(40), Points(8));
    T after(perceptron(3), run);
    after.load_state(before.save_state());
    const auto rest = after.fit(Points(40), Points(8));
    CATCH_CHECK(weights_of(*after.model()).equal(weights_of(*straight.model())));
    CATCH_CHECK(*rest.epochs.back().test->loss == *whole.epochs.back().test->loss);
  }
}

CATCH_TEST_CASE("a run that was saved at its last step still evaluates its last epoch") {
  struct Saver {
    Trainer<Perceptron, Batches>* trainer;
    StateDict state{};
    void on(const StepEnd& event) {
      if (event.step == event.total_steps) state = trainer->save_state();
    }
  };
  const RunSettings run{.epochs = 2, .device = c10::kCPU};
  Trainer<Perceptron, Batches> straight(perceptron(), run);
  Saver saver{&straight};
  const auto whole = straight.fit(Points(40), Points(8), saver);
  Trainer<Perceptron, Batches> after(perceptron(3), run);
  after.load_state(saver.state);
  const auto rest = after.fit(Points(40), Points(8));
  CATCH_REQUIRE(rest.epochs.size() == 2);
  CATCH_CHECK(*rest.epochs.back().test->loss == *whole.epochs.back().test->loss);
  CATCH_CHECK(rest.end == RunEnd::whole);
}

CATCH_TEST_CASE("epochs of so many seconds are judged, and change nothing that is learned") {
  struct Slow : Points {
    using Points::Points;
    [[nodiscard]] Batch batch(std::span<const std::int64_t> indices) const {
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
      return Points::batch(indices);
    }
  };
  Trainer<Perceptron, Batches, AdamW, Cosine> straight(perceptron(), steps(13));
  straight.fit(Points(40));
  auto run = steps(13);
  run.seconds_per_epoch = 0.05;  // three steps, or fewer
  Trainer<Perceptron, Batches, AdamW, Cosine> timed(perceptron(), run);
  Steps seen;
  const auto history = timed.fit(Slow(40), Points(8), seen);
  CATCH_CHECK(seen.planned == 0);
  CATCH_CHECK(seen.epochs.size() == 13);
  CATCH_CHECK(history.epochs.size() >= 5);
  for (const auto& record : history.epochs) CATCH_CHECK(record.test);
  CATCH_CHECK(weights_of(*timed.model()).equal(weights_of(*straight.model())));
}

CATCH_TEST_CASE("a length that no run can have is refused") {
  const auto refusal = [](RunSettings run) {
    return [run] { Trainer<Perceptron> trainer(perceptron(), run); };
  };
  CATCH_CHECK_THROWS_WITH(refusal({.steps_per_epoch = 0})(), ContainsSubstring("at least 1"));
  CATCH_CHECK_THROWS_WITH(refusal({.seconds_per_epoch = 1.0})(),
                          ContainsSubstring("set max_steps"));
  CATCH_CHECK_THROWS_WITH(refusal({.max_steps = 5, .seconds_per_epoch = -1.0})(),
                          ContainsSubstring("above 0"));
  CATCH_CHECK_THROWS_WITH(
      refusal({.max_steps = 5, .steps_per_epoch = 2, .seconds_per_epoch = 1.0})(),
      ContainsSubstring("one of the two"));
  CATCH_CHECK_THROWS_WITH(refusal({.epochs = 1000, .steps_per_epoch = 1'000'000'000})(),
                          ContainsSubstring("at most 1000000000 steps"));
}

CATCH_TEMPLATE_TEST_CASE(
    "a run can end with the weights of its best epoch", "",
    (Trainer<Perceptron, Batches, Preset<AdamW{.lr = 0.5}>,
             Preset<EarlyStop{.patience = 3, .restore_best = true}>>),
    (Trainer<Perceptron, Batches, Preset<AdamW{.lr = 0.5}>, Preset<EMA{.decay = 0.3}>,
             Preset<EarlyStop{.patience = 3, .restore_best = true}>>),
    (Trainer<Perceptron, Batches, Preset<ScheduleFreeAdamW{.lr = 0.5}>, OptimizerAverage,
             Preset<EarlyStop{.patience = 3, .restore_best = true}>>)) {
  const RunSettings run{.epochs = 30, .device = c10::kCPU};
  TestType trainer(perceptron(), run);
  const auto history = trainer.fit(Points(40), Points(16));
  const auto best = std::min_element(
      history.epochs.begin(), history.epochs.end(),
      [](const EpochRecord& a, const EpochRecord& b) { return *a.test->loss < *b.test->loss; });
  CATCH_REQUIRE(best != history.epochs.end() - 1);  // else this shows nothing
  CATCH_CHECK(*trainer.evaluate(Points(16)).loss == *best->test->loss);

  // Also if the run was saved and resumed behind its best epoch.
  auto part = run;
  part.stop_after_steps = 5 * (best - history.epochs.begin() + 1) + 3;
  TestType before(perceptron(), part);
  before.fit(Points(40), Points(16));
  TestType after(perceptron(3), run);
  after.load_state(before.save_state());
  after.fit(Points(40), Points(16));
  CATCH_CHECK(*after.evaluate(Points(16)).loss == *best->test->loss);
}

CATCH_TEST_CASE("outputs are predicted for each sample, in order, whatever the targets") {
  Trainer<Perceptron, Batches, EMA> trainer(
      perceptron(), {.epochs = 1, .device = c10::kCPU, .evaluation_batch_size = 7});
  Points points(20);
  trainer.fit(points);
  const auto outputs = trainer.predict(points);
  points.targets_.fill_(-5);
  CATCH_CHECK(trainer.predict(points).equal(outputs));
  const auto weights = trainer.evaluation_weights();
  const at::NoGradGuard no_grad;
  CATCH_CHECK(at::allclose(outputs, trainer.model()->forward(points.inputs_)));
}
