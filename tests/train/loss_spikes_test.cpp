// Losses far above the last ones: what counts as a spike, and what a guard does about it.
#include "catch.hpp"
#include "toys.hpp"
#include <gradus/core/sample_draw.hpp>
#include <gradus/train/step/loss_spikes.hpp>
#include <gradus/train/step/numeric_guard.hpp>
#include <gradus/train/trainer.hpp>

#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <vector>

using namespace gradus;
using Catch::Matchers::ContainsSubstring;

namespace {

/// What the guard says to each of these readings; "" to most.
std::vector<std::string> said_to(NumericGuard& guard, const std::vector<double>& losses) {
  std::vector<std::string> said;
  for (const double loss : losses) {
    said.push_back(guard.check_reading({.mean = loss, .not_finite = {}, .also = {}}, {}, {}));
  }
  return said;
}

/// Readings in 1 +- 0.1, of which the median absolute deviation is 0.05.
const std::vector<double> calm{0.9, 1.1, 0.95, 1.05, 1.0, 0.95, 1.05, 0.9, 1.1, 1.0};

/// The places in `said` that are no "".
std::vector<std::size_t> places(const std::vector<std::string>& said) {
  std::vector<std::size_t> list;
  for (std::size_t i = 0; i < said.size(); ++i) {
    if (!said[i].empty()) list.push_back(i);
  }
  return list;
}

std::vector<std::size_t> spikes_among(std::vector<double> before, const std::vector<double>& then,
                                      double factor = 7) {
  NumericGuard guard(GuardPlan{.spike = factor, .spike_readings = 10});
  before.insert(before.end(), then.begin(), then.end());
  return places(said_to(guard, before));
}

std::vector<double> shifted(std::vector<double> losses, double by) {
  for (auto& loss : losses) loss += by;
  return losses;
}

using Places = std::vector<std::size_t>;

struct Warnings {
  std::vector<std::pair<std::int64_t, std::string>> all;
  void on(const StepEnd& event) {
    if (!event.warning.empty()) all.emplace_back(event.step, event.warning);
  }
};

struct LineImpl : torch::nn::Module {
  torch::nn::Linear head = register_module("head", torch::nn::Linear(6, 3));
  at::Tensor forward(const at::Tensor& x) { return head(x); }
};
TORCH_MODULE(Line);

Line line() {
  torch::manual_seed(0);
  return {};
}

using Run = Trainer<Line, Preset<Plain{.batch_size = 4}>, Preset<SGD{.lr = 1e-6}>,
                    Preset<Guard{.spike = 7, .spike_readings = 10}>>;

/// 64 points, of which two have a loss like no other: in steps 14 and 15 of the first epoch.
Points with_outliers() {
  Points points(64);
  const auto order = epoch_order(64, 0, 0);
  for (const std::size_t place : {55U, 56U}) {
    points.inputs_.select(0, order[place]).fill_(500);
    points.targets_[order[place]] = line()->head->weight.sum(1).argmin();
  }
  return points;
}

RunSettings run_of(std::optional<std::int64_t> stop_after = {}) {
  return {.epochs = 3, .device = c10::kCPU, .log_every_steps = 1, .stop_after_steps = stop_after};
}

}  // namespace

CATCH_TEST_CASE("a reading is a spike by its deviations above the median, whatever its sign") {
  const double deviation = 1.4826 * 0.05;
  for (const double level : {0.0, -1.0, -50.0, 1000.0}) {
    const auto before = shifted(calm, level);
    CATCH_CHECK(spikes_among(before, {1 + level + 6.9 * deviation}).empty());
    CATCH_CHECK(spikes_among(before, {1 + level + 7.1 * deviation}) == Places{10});
    CATCH_CHECK(spikes_among(before, {level - 100}).empty());  // what falls is no spike
    CATCH_CHECK(spikes_among(before, {1 + level + 7.1 * deviation}, 8).empty());
    CATCH_CHECK(spikes_among(before, {1e9}, 0).empty());  // not asked for
  }
}

CATCH_TEST_CASE("there are no spikes before enough readings, nor after equal ones") {
  const std::vector<double> nine(calm.begin(), calm.end() - 1);
  CATCH_CHECK(spikes_among(nine, {50}).empty());
  CATCH_CHECK(spikes_among(std::vector<double>(10, 0.0), {50}).empty());
  // More than half are equal: the mean deviation takes the place of the median one.
  std::vector<double> most(10, 1.0);
  most[3] = 1.1;
  CATCH_CHECK(spikes_among(most, {1.08}).empty());
  CATCH_CHECK(spikes_among(most, {1.1}) == Places{10});
}

CATCH_TEST_CASE("a spike is told of once, and swallowed only when it lasts") {
  // One that lasts is told of once; when it is over the next one is another.
  CATCH_CHECK(spikes_among(calm, {9, 9, 9, 1, 9}) == Places{10, 14});
  LossSpikes spikes(10);
  for (const double loss : calm) CATCH_CHECK_FALSE(spikes.add(loss, 7));
  int found = 0;
  for (int i = 0; i < 10; ++i) found += spikes.add(9 + 0.01 * i, 7) ? 1 : 0;
  CATCH_CHECK(found >= 4);
  CATCH_CHECK(found <= 6);  // half of the readings
}

CATCH_TEST_CASE("a guard that stops at spikes names both numbers, and NaN is no reading") {
  NumericGuard guard(GuardPlan{.on_not_finite = OnNotFinite::skip,
                               .each_step = true,
                               .spike = 7,
                               .spike_readings = 10,
                               .on_spike = OnSpike::stop});
  CATCH_CHECK(places(said_to(guard, calm)).empty());
  CATCH_CHECK(places(said_to(guard, {std::numeric_limits<double>::quiet_NaN()})).empty());
  CATCH_CHECK_THROWS_WITH(
      said_to(guard, {9}),
      ContainsSubstring("the training loss has a spike: 9.0 where the median of the last 10 "
                        "readings is 1.0, more than guard.spike = 7.0 deviations"));
}

CATCH_TEST_CASE("numbers that are no guard against spikes are refused") {
  const auto refused = [](Guard guard) {
    Run::policies_type policies;
    policies.at<slot::guard>() = guard;
    CATCH_CHECK_THROWS_AS(Run(line(), run_of(), policies), ConfigurationError);
  };
  refused({.spike = -1});
  refused({.spike = 0.5});
  refused({.spike = std::numeric_limits<double>::quiet_NaN()});
  refused({.spike = 7, .spike_readings = 4});
}

CATCH_TEST_CASE("a resumed run warns of the spikes that it would have warned of") {
  const auto points = with_outliers();
  Warnings whole;
  Run(line(), run_of()).fit(points, whole);
  CATCH_REQUIRE(whole.all.size() >= 3);
  CATCH_CHECK(whole.all[0].first == 14);
  CATCH_CHECK(whole.all[1].first > 16);
  CATCH_CHECK_THAT(whole.all[0].second, ContainsSubstring("the training loss has a spike"));
  for (const std::int64_t stop : {12, 14, 20}) {
    Run first(line(), run_of(stop));
    Warnings warnings;
    first.fit(points, warnings);
    Run second(line(), run_of());
    second.load_state(first.save_state());
    second.fit(points, warnings);
    CATCH_CHECK(warnings.all == whole.all);
  }
  // The state of a version before spikes: the rule counts its readings from there on.
  Run first(line(), run_of(12));
  first.fit(points);
  std::vector<NamedTensor> older;
  const auto state = first.save_state();
  for (const auto& entry : state.entries()) {
    if (entry.name != "guard/last_readings" && entry.name != "guard/spiked") older.push_back(entry);
  }
  Run second(line(), run_of());
  second.load_state(StateDict(older));
  Warnings later;
  second.fit(points, later);
  std::erase_if(whole.all, [](const auto& warning) { return warning.first <= 12 + 10; });
  CATCH_CHECK(later.all == whole.all);
  CATCH_CHECK_FALSE(later.all.empty());
}

CATCH_TEST_CASE("the state of a run without this rule is as it was") {
  Trainer<Perceptron> trainer(perceptron(), run_of());
  const auto state = trainer.save_state();
  CATCH_CHECK(state.has("guard/best"));
  CATCH_CHECK_FALSE(state.has("guard/last_readings"));
}
