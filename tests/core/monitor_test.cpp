// The metric of an epoch that policies monitor.
#include "catch.hpp"
#include <gradus/core/monitor.hpp>
#include <gradus/policy/schedule/reduce_on_plateau.hpp>

#include <limits>
#include <optional>

using namespace gradus;

namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();
constexpr double not_a_number = std::numeric_limits<double>::quiet_NaN();

EpochRecord with_loss(std::optional<double> loss) {
  EpochRecord record;
  record.test.emplace();
  record.test->loss = loss;
  return record;
}

}  // namespace

CATCH_TEST_CASE("a monitored metric that is not a number is worse than any other") {
  CATCH_CHECK(monitored_value("loss", with_loss(0.5)) == 0.5);
  CATCH_CHECK(monitored_value("loss", with_loss(std::nullopt)) == std::nullopt);
  CATCH_CHECK(monitored_value("loss", with_loss(not_a_number)) == infinity);
  auto record = with_loss(0.5);
  for (const bool higher : {false, true}) {
    record.test->metrics = {{.label = "own", .value = not_a_number, .higher_is_better = higher}};
    CATCH_CHECK(monitored_value("own", record) == infinity);
  }
}

CATCH_TEST_CASE("a plateau that begins with what is not a number ends with the first number") {
  // Falls behind each epoch, as those of torch.optim.lr_scheduler.ReduceLROnPlateau.
  const ReduceOnPlateau schedule{.patience = 1};
  auto state = schedule.start({});
  const auto falls = [&](double loss) {
    schedule.after_epoch(state, with_loss(loss));
    return state.falls;
  };
  CATCH_CHECK(falls(not_a_number) == 0);
  CATCH_CHECK(falls(not_a_number) == 1);
  for (const double better : {3.0, 2.0, 1.0}) CATCH_CHECK(falls(better) == 1);
  CATCH_CHECK(falls(not_a_number) == 1);
  CATCH_CHECK(falls(1.0) == 2);
}
