#include "catch.hpp"
#include "reference.hpp"
#include <gradus/policy/schedule/constant.hpp>
#include <gradus/policy/schedule/cosine.hpp>
#include <gradus/policy/schedule/one_cycle.hpp>
#include <gradus/policy/schedule/sequence.hpp>
#include <gradus/policy/schedule/warmup.hpp>

#include <cmath>

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
