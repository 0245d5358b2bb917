// How long a run is, and with which weights it ends.
#include "../catch.hpp"
#include "toys.hpp"
#include <gradus/core/step_plan.hpp>
#include <gradus/policy/averaging/ema.hpp>
#include <gradus/policy/loading/plain.hpp>
#include <gradus/policy/optimizer/adamw.hpp>
#include <gradus/policy/schedule/cosine.hpp>
#include <gradus/policy/stopping/early_stop.hpp>
#include <gradus/train/trainer.hpp>

#include <torch/torch.h>

#include <algorithm>
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
}

CATCH_TEMPLATE_TEST_CASE(
    "a run can end with the weights of its best epoch", "",
    (Trainer<Perceptron, Batches, Preset<AdamW{.lr = 0.5}>,
             Preset<EarlyStop{.patience = 3, .restore_best = true}>>),
    (Trainer<Perceptron, Batches, Preset<AdamW{.lr = 0.5}>, Preset<EMA{.decay = 0.3}>,
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
