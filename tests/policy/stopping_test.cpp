// Which epochs end a run, and which one's weights it ends with.
#include "catch.hpp"
#include <gradus/core/history.hpp>
#include <gradus/policy/stopping/early_stop.hpp>

#include <vector>

using gradus::EarlyStop;
using gradus::StateDict;

namespace {

gradus::EpochRecord epoch_of(double loss) { return {.train_loss = loss}; }

}  // namespace

CATCH_TEST_CASE("the best epoch is the one of the lowest loss, whatever `min_delta` is") {
  const EarlyStop policy{.patience = 2, .min_delta = 0.1, .restore_best = true};
  auto state = policy.start({});
  const std::vector<double> losses{1.00, 0.95, 0.92};
  std::vector<bool> stops, keeps;
  for (const double loss : losses) {
    stops.push_back(policy.stop(state, epoch_of(loss)));
    keeps.push_back(policy.keeps(state));
  }
  CATCH_CHECK(stops == std::vector{false, false, true});  // none is better by 0.1
  CATCH_CHECK(keeps == std::vector{true, true, true});    // but each is lower

  auto other = policy.start({});
  for (const double loss : {1.00, 0.95}) static_cast<void>(policy.stop(other, epoch_of(loss)));
  static_cast<void>(policy.stop(other, epoch_of(0.97)));
  CATCH_CHECK_FALSE(policy.keeps(other));
  static_cast<void>(policy.stop(other, {}));  // nothing was measured
  CATCH_CHECK_FALSE(policy.keeps(other));
}

CATCH_TEST_CASE("a saved run knows its best epoch, one of an older version by its best result") {
  const EarlyStop policy{.min_delta = 0.1, .restore_best = true};
  auto state = policy.start({});
  for (const double loss : {1.00, 0.95}) static_cast<void>(policy.stop(state, epoch_of(loss)));
  StateDict saved;
  policy.save(state, saved);
  auto resumed = policy.start({});
  policy.load(resumed, saved);
  saved.refuse_unread();
  static_cast<void>(policy.stop(resumed, epoch_of(0.96)));
  CATCH_CHECK_FALSE(policy.keeps(resumed));

  StateDict older;
  older.put("best", at::scalar_tensor(1.0, at::kDouble));
  older.put("bad_epochs", std::int64_t{1});
  auto converted = policy.start({});
  policy.load(converted, older);
  CATCH_CHECK(converted.bad_epochs == 1);
  static_cast<void>(policy.stop(converted, epoch_of(1.1)));
  CATCH_CHECK_FALSE(policy.keeps(converted));
  static_cast<void>(policy.stop(converted, epoch_of(0.99)));
  CATCH_CHECK(policy.keeps(converted));
}
