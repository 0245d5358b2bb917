#include "catch.hpp"
#include <gradus/core/step_plan.hpp>

#include <cstdint>
#include <limits>

using gradus::StepPlan;

CATCH_TEST_CASE("50,000 samples in batches of 128, 4 to a step, are 391 batches and 98 steps") {
  constexpr StepPlan plan{.samples = 50000, .batch_size = 128, .accumulation = 4, .epochs = 5};
  static_assert(plan.batches() == 391);
  static_assert(plan.steps() == 98);
  static_assert(plan.total_steps() == 490);
  static_assert(plan.window_batches(97) == 3);
  static_assert(plan.window_samples(97) == 50000 - 97 * 512);
  CATCH_SUCCEED();
}

CATCH_TEST_CASE("windows hold every sample and every batch once, whatever the numbers") {
  for (std::int64_t samples = 1; samples <= 40; ++samples) {
    for (std::int64_t batch = 1; batch <= 12; ++batch) {
      for (std::int64_t accumulation = 1; accumulation <= 9; ++accumulation) {
        const StepPlan plan{samples, batch, accumulation, 1};
        std::int64_t batches = 0;
        std::int64_t seen = 0;
        for (std::int64_t window = 0; window < plan.steps(); ++window) {
          CATCH_REQUIRE(plan.window_batches(window) >= 1);
          batches += plan.window_batches(window);
          seen += plan.window_samples(window);
        }
        CATCH_REQUIRE(batches == plan.batches());
        CATCH_REQUIRE(seen == samples);
      }
    }
  }
}

CATCH_TEST_CASE("the largest numbers that settings take do not overflow") {
  constexpr auto most = std::numeric_limits<std::int64_t>::max();
  constexpr StepPlan plan{
      .samples = 50000, .batch_size = 256, .accumulation = most, .epochs = 1'000'000};
  CATCH_CHECK(plan.steps() == 1);
  CATCH_CHECK(plan.window_batches(0) == 196);
  CATCH_CHECK(plan.window_samples(0) == 50000);
  CATCH_CHECK(plan.total_steps() == 1'000'000);
}
