#include "../../examples/cifar10/demo.hpp"

#include "catch.hpp"

using namespace cifar10;

namespace {

/// A machine whose rate falls with the square of the width.
MeasureRate machine(double rate_at_64) {
  return [=](std::int64_t width) {
    const double ratio = 64.0 / static_cast<double>(width);
    return rate_at_64 * ratio * ratio;
  };
}

const std::vector<ConfiguredBatch> batches{{"unoptimized", 4}, {"optimized", 256}, {"other", 48}};

}  // namespace

CATCH_TEST_CASE("a fast machine runs the full comparison and nothing is said to be reduced") {
  const auto reduction = reduce(machine(1e5), 50000, 360);
  CATCH_CHECK(reduction.width == 64);
  CATCH_CHECK(reduction.samples == 50000);
  CATCH_CHECK(reduction.epochs == 5);
  Options options;
  apply(reduction, 50000, batches, options);
  CATCH_CHECK(options.notes.empty());
  CATCH_CHECK(options.settings.empty());
}

CATCH_TEST_CASE("a slower machine gets a narrower network first, then fewer samples") {
  CATCH_CHECK(reduce(machine(400), 50000, 360).width == 32);
  const auto small = reduce(machine(40), 50000, 360);
  CATCH_CHECK(small.width == 16);
  CATCH_CHECK(small.samples == 25000);
  CATCH_CHECK(small.batch_divisor == 2);
  Options options;
  apply(small, 50000, batches, options);
  CATCH_REQUIRE(options.notes.size() == 2);
  CATCH_CHECK_THAT(options.notes[0], Catch::Matchers::ContainsSubstring("width 16 of 64"));
  CATCH_CHECK_THAT(options.notes[0], Catch::Matchers::ContainsSubstring("25000 of 50000"));
  CATCH_CHECK(options.train_samples == 25000);
}

CATCH_TEST_CASE("the shipped subset gets more epochs and smaller batches, and the notes say so") {
  const auto reduction = reduce(machine(30), 5000, 360);
  CATCH_CHECK(reduction.samples == 5000);
  CATCH_CHECK(reduction.epochs == 10);
  CATCH_CHECK(reduction.batch_divisor == 4);
  Options options;
  apply(reduction, 5000, batches, options);
  CATCH_CHECK_FALSE(options.train_samples.has_value());
  CATCH_CHECK_THAT(options.notes[0], Catch::Matchers::ContainsSubstring("10 epochs of 5"));
  CATCH_CHECK_THAT(options.notes[0], Catch::Matchers::ContainsSubstring(
                                         "batches of 64 of 256 (optimized) and 12 of 48 (other)"));
  CATCH_REQUIRE(options.settings.size() == 2);
  CATCH_CHECK(options.settings[0].configuration == "optimized");
  CATCH_CHECK(options.settings[0].value == 64);
}

CATCH_TEST_CASE("the slowest machine gets the smallest comparison there is") {
  CATCH_CHECK(reduce(machine(0.1), 50000, 360).width == 8);
}
