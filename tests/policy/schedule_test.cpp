#include "catch.hpp"
#include "reference.hpp"
#include <gradus/policy/schedule/constant.hpp>
#include <gradus/policy/schedule/cosine.hpp>
#include <gradus/policy/schedule/one_cycle.hpp>
#include <gradus/policy/schedule/sequence.hpp>
#include <gradus/policy/schedule/warmup.hpp>
#include <gradus/policy/schedule/warmup_stable_decay.hpp>

#include <cmath>
#include <cstdint>
#include <vector>

using gradus::OneCycle;

namespace {

/// To 1e-12, relative.
bool equal(double value, double expected) {
  return std::abs(value - expected) <= 1e-12 * std::abs(expected);
}

void check_curve(const OneCycle& schedule, const char* name) {
  const auto& curve = reference()["one_cycle"][name];
  const auto total = static_cast<std::int64_t>(curve.size());
  for (std::int64_t step = 0; step < total; ++step) {
    const auto rates = schedule.at(step, total, 123);
    const auto& expected = curve[static_cast<std::size_t>(step)];
    CATCH_INFO(name << " at step " << step);
    CATCH_CHECK(equal(rates.learning_rate, expected[0]));
    CATCH_CHECK(equal(rates.momentum.value(), expected[1]));
  }
}

}  // namespace

CATCH_TEST_CASE("OneCycle equals PyTorch's at every step, in every variant, to 1e-12") {
  check_curve({.max_lr = 0.02}, "cosine");
  check_curve({.max_lr = 0.02, .pct_start = 0.25, .anneal = gradus::Anneal::linear}, "linear");
  check_curve({.max_lr = 0.1, .div_factor = 10, .final_div_factor = 100, .three_phase = true},
              "three_phase");
  check_curve({.max_lr = 0.1, .anneal = gradus::Anneal::linear, .three_phase = true},
              "three_phase_linear");
}

CATCH_TEST_CASE("OneCycle leaves momentum alone when asked to, and bears a run of one step") {
  CATCH_CHECK_FALSE(OneCycle{.cycle_momentum = false}.at(3, 10, 1).momentum.has_value());
  CATCH_CHECK(std::isfinite(OneCycle{}.at(0, 1, 1).learning_rate));
}

CATCH_TEST_CASE("a rise longer than the run is found, within a sequence too") {
  using gradus::run_mistake;
  using Rise = gradus::Warmup<gradus::Cosine>;
  CATCH_CHECK(run_mistake(OneCycle{}, 1).empty());
  CATCH_CHECK(run_mistake(Rise{.steps = 9}, 10).empty());
  CATCH_CHECK_THAT(run_mistake(Rise{.steps = 10}, 10),
                   Catch::Matchers::StartsWith("the rate would rise for 10 optimizer steps"));
  CATCH_CHECK_FALSE(
      run_mistake(gradus::Warmup<Rise>{.steps = 4, .then = {.steps = 6}}, 10).empty());
  const gradus::Sequence<Rise, Rise> both{
      .split = 0.4, .first = {.steps = 3}, .second = {.steps = 6}};
  CATCH_CHECK(run_mistake(both, 12).empty());
  CATCH_CHECK_FALSE(run_mistake(both, 10).empty());
  const gradus::Sequence<gradus::Constant, Rise> late{.split = 1, .second = {.steps = 50}};
  CATCH_CHECK(run_mistake(late, 10).empty());
}

CATCH_TEST_CASE("the constant schedule is the optimizer's own rate") {
  CATCH_CHECK(gradus::Constant{}.at(5, 10, 0.25).learning_rate == 0.25);
  CATCH_CHECK_FALSE(gradus::Constant{}.at(5, 10, 0.25).momentum.has_value());
}

CATCH_TEST_CASE("WarmupStableDecay rises, stays and falls, each step as its sources say") {
  using gradus::DecayCurve;
  using gradus::WarmupStableDecay;
  // Of 10 steps 3 rise to 4 times a quarter, 3 stay, 4 fall from p = 0 to 3/4.
  const auto curve_of = [](const WarmupStableDecay& schedule) {
    std::vector<double> rates;
    for (std::int64_t step = 0; step < 10; ++step) {
      rates.push_back(schedule.at(step, 10, 8).learning_rate);
      CATCH_CHECK(!schedule.at(step, 10, 8).momentum);
    }
    return rates;
  };
  const auto check = [&](DecayCurve curve, double floor, const std::vector<double>& falling) {
    std::vector<double> expected{2, 4, 6, 8, 8, 8, 8};
    expected.insert(expected.end(), falling.begin(), falling.end());
    const auto found = curve_of({.warmup = 0.3, .decay = 0.4, .floor = floor, .curve = curve});
    CATCH_REQUIRE(found.size() == expected.size());
    for (std::size_t step = 0; step < found.size(); ++step) {
      CATCH_INFO("step " << step);
      CATCH_CHECK(found[step] == Catch::Approx(expected[step]).epsilon(1e-12));
    }
  };
  check(DecayCurve::linear, 0, {6, 4, 2});
  check(DecayCurve::linear, 0.5, {7, 6, 5});
  check(DecayCurve::one_minus_root, 0, {4, 8 - 8 * std::sqrt(0.5), 8 - 8 * std::sqrt(0.75)});
  check(DecayCurve::cosine, 0, {4 + 4 * std::sqrt(0.5), 4, 4 - 4 * std::sqrt(0.5)});
  // The rate before the decay does not depend on how long the run is.
  const WarmupStableDecay schedule{.warmup = 0, .decay = 0.1};
  CATCH_CHECK(schedule.at(5, 10, 8).learning_rate == schedule.at(5, 1000, 8).learning_rate);
  CATCH_CHECK(WarmupStableDecay{.warmup = 0.7, .decay = 0.4}.mistake() != "");
  CATCH_CHECK(WarmupStableDecay{}.mistake() == "");
}
