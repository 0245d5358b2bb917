// Runs that `stop_after_steps` ends within an epoch or at its end, and that resume from there.
#include "catch.hpp"
#include "toys.hpp"
#include <gradus/policy/averaging/ema.hpp>
#include <gradus/policy/optimizer/adamw.hpp>
#include <gradus/policy/schedule/reduce_on_plateau.hpp>
#include <gradus/policy/stopping/early_stop.hpp>
#include <gradus/train/trainer.hpp>

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

using namespace gradus;
using Catch::Matchers::ContainsSubstring;

namespace {

using Batches = Preset<Plain{.batch_size = 8}>;  // 5 steps an epoch of 40 points

RunSettings run_of(std::int64_t epochs, std::optional<std::int64_t> stop_after = {}) {
  return {
      .epochs = epochs, .device = c10::kCPU, .log_every_steps = 3, .stop_after_steps = stop_after};
}

/// Names of the entries in which two states differ, but for what tells of time.
std::vector<std::string> differences(const StateDict& one, const StateDict& other) {
  std::vector<std::string> names;
  if (one.entries().size() != other.entries().size()) names.emplace_back("the number of entries");
  for (const auto& [name, tensor] : one.entries()) {
    if (name.starts_with("time/")) continue;
    if (!other.has(name) || !other.copy(name).equal(tensor)) names.push_back(name);
  }
  return names;
}

/// Warnings, by step.
struct Warnings {
  std::vector<std::pair<std::int64_t, std::string>> warnings{};
  void on(const StepEnd& event) {
    if (!event.warning.empty()) warnings.emplace_back(event.step, event.warning);
  }
};

/// Follows the results of epochs in each way that there is.
using Follows = Trainer<Perceptron, Batches, Preset<AdamW{.lr = 0.3}>, Preset<EMA{.batches = 2}>,
                        Preset<ReduceOnPlateau{.patience = 0, .threshold = 0.2}>,
                        Preset<Guard{.spike = 2, .spike_readings = 5}>,
                        Preset<EarlyStop{.patience = 4, .restore_best = true}>>;

/// Ends at the first epoch that is not better, and learns nothing.
using Idle =
    Trainer<Perceptron, Batches, Preset<SGD{.lr = 1e-30}>, Preset<EarlyStop{.patience = 1}>>;

/// Losses in 1 +- 0.1, but for one batch.
struct OneBadBatch {
  using slot = gradus::slot::loss;
  static constexpr std::string_view name = "OneBadBatch";
  static constexpr auto fields() { return no_fields; }
  at::Tensor loss(const at::Tensor& output, const at::Tensor& target) const {
    const auto noise = target.to(at::kFloat).mean() - 1;  // of 8 classes out of 0, 1, 2
    const double bad = (output.abs().max() > 50).item<bool>() ? 100 : 0;
    return 1 + 0.1 * noise + bad + 0 * output.sum();
  }
  at::Tensor evaluate(const at::Tensor& output, const at::Tensor& target) const {
    return loss(output, target);
  }
};

/// Gives the points in their order, once.
struct Flow {
  Points points;
  std::int64_t given = 0;
  std::optional<Batch> next(std::int64_t most) {
    const auto count = std::min(most, points.size() - given);
    if (count == 0) return std::nullopt;
    const auto first = std::exchange(given, given + count);
    return Batch{points.inputs_.narrow(0, first, count), points.targets_.narrow(0, first, count)};
  }
};

}  // namespace

CATCH_TEST_CASE("a run in parts has the records, the counts and the rates of the whole run") {
  const Points points(40);
  const Points test(16);
  Follows straight(perceptron(), run_of(12));
  const auto whole = straight.fit(points, test);
  const auto state = straight.save_state();
  CATCH_REQUIRE(straight.state<slot::schedule>().falls > 0);  // else this shows less
  for (const std::int64_t part : {1, 4, 5, 7}) {
    CATCH_INFO("parts of " << part << " steps");
    std::optional<StateDict> saved;
    History history;
    for (std::int64_t stop = part; !saved || history.end == RunEnd::limit; stop += part) {
      Follows trainer(perceptron(saved ? 3 : 0), run_of(12, stop));
      if (saved) trainer.load_state(*saved);
      history = trainer.fit(points, test);
      saved = trainer.save_state();
    }
    CATCH_CHECK(history.end == whole.end);
    CATCH_CHECK(history.stopped_early == whole.stopped_early);
    CATCH_CHECK(history.epochs.size() == whole.epochs.size());
    CATCH_CHECK(differences(state, *saved) == std::vector<std::string>{});  // readings too
  }
}

CATCH_TEST_CASE("a state that is saved at the end of a cut epoch resumes within it") {
  struct Saver {
    Follows* trainer;
    StateDict state{};
    void on(const EpochEnd&) { state = trainer->save_state(); }
  };
  Follows straight(perceptron(), run_of(4));
  straight.fit(Points(40), Points(16));
  Follows before(perceptron(), run_of(4, 8));
  Saver saver{&before};
  const auto cut = before.fit(Points(40), Points(16), saver);
  CATCH_REQUIRE(cut.epochs.size() == 2);
  CATCH_CHECK(cut.epochs.back().optimizer_steps == 3);
  CATCH_CHECK(cut.epochs.back().test);
  Follows after(perceptron(3), run_of(4));
  after.load_state(saver.state);
  CATCH_CHECK(after.fit(Points(40), Points(16)).epochs.size() == 4);
  CATCH_CHECK(differences(straight.save_state(), after.save_state()) == std::vector<std::string>{});
}

CATCH_TEST_CASE("a limit that is the last step is no limit, and the best weights are restored") {
  using Restores = Trainer<Perceptron, Batches, Preset<AdamW{.lr = 0.5}>,
                           Preset<EarlyStop{.patience = 20, .restore_best = true}>>;
  Restores straight(perceptron(), run_of(12));
  const auto whole = straight.fit(Points(40), Points(16));
  CATCH_REQUIRE(*straight.evaluate(Points(16)).loss < *whole.epochs.back().test->loss);
  Restores limited(perceptron(), run_of(12, 60));
  const auto history = limited.fit(Points(40), Points(16));
  CATCH_CHECK(history.end == RunEnd::whole);
  CATCH_CHECK(history.epochs.size() == whole.epochs.size());
  CATCH_CHECK(weights_of(*limited.model()).equal(weights_of(*straight.model())));
}

CATCH_TEST_CASE("a run that its stopping policy ends in the epoch of the limit ends by itself") {
  const auto history = Idle(perceptron(), run_of(6, 10)).fit(Points(40), Points(16));
  CATCH_CHECK(history.end == RunEnd::whole);
  CATCH_CHECK(history.stopped_early);
  CATCH_CHECK(history.epochs.size() == 2);
  // Within that epoch nothing is known of it.
  const auto cut = Idle(perceptron(), run_of(6, 9)).fit(Points(40), Points(16));
  CATCH_CHECK(cut.end == RunEnd::limit);
  CATCH_CHECK_FALSE(cut.stopped_early);
}

CATCH_TEST_CASE("the warning of the last losses is told where a run is cut or its data end") {
  using Warned = Trainer<Perceptron, Batches, Preset<SGD{.lr = 1e-30}>, OneBadBatch,
                         Preset<Guard{.spike = 7, .spike_readings = 5}>>;
  Points points(8 * 18);
  points.inputs_.narrow(0, 8 * 16, 8).fill_(1e4);  // batch 17, behind the reading of step 15
  auto net = [] {
    auto made = perceptron();
    const at::NoGradGuard no_grad;
    made->head->weight.fill_(20);  // tanh gives at most 1
    made->hidden->weight.fill_(0.001);
    return made;
  };
  RunSettings run{.device = c10::kCPU, .log_every_steps = 3};
  run.max_steps = 100;
  Warnings read;
  CATCH_CHECK(Warned(net(), run).fit(Flow{points.first(8 * 17)}, read).end == RunEnd::out_of_data);
  CATCH_REQUIRE(read.warnings.size() == 1);
  CATCH_CHECK(read.warnings[0].first == 17);
  CATCH_CHECK_THAT(read.warnings[0].second, ContainsSubstring("the training loss has a spike"));

  run.stop_after_steps = 17;
  Warnings cut;
  CATCH_CHECK(Warned(net(), run).fit(Flow{points}, cut).end == RunEnd::limit);
  CATCH_CHECK(cut.warnings == read.warnings);
}

CATCH_TEST_CASE("a trainer says that a run was ended by an exception, or only loaded") {
  struct Breaks {
    void on(const StepEnd& event) const {
      if (event.step == 7) throw std::runtime_error("enough");
    }
  } breaks;
  Idle trainer(perceptron(), run_of(6));
  CATCH_CHECK(trainer.history().end == RunEnd::unfinished);
  CATCH_CHECK_THROWS(trainer.fit(Points(40), breaks));
  CATCH_CHECK(trainer.history().end == RunEnd::unfinished);
  CATCH_CHECK(trainer.history().epochs.size() == 1);
  const auto history = trainer.fit(Points(40));
  CATCH_CHECK(history.end == RunEnd::whole);
  CATCH_CHECK(trainer.history().end == RunEnd::whole);
  Idle loaded(perceptron(), run_of(6));
  loaded.load_state(trainer.save_state());
  CATCH_CHECK(loaded.history().end == RunEnd::unfinished);
  CATCH_CHECK(loaded.fit(Points(40)).end == RunEnd::whole);
}
