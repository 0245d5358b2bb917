// Runs that are long enough for an average of their weights.
#include "../train/toys.hpp"
#include "catch.hpp"
#include <gradus/policy/averaging/ema.hpp>
#include <gradus/policy/averaging/swa.hpp>
#include <gradus/train/search/find_batch_size.hpp>
#include <gradus/train/stepper.hpp>
#include <gradus/train/trainer.hpp>

using namespace gradus;
using Catch::Matchers::ContainsSubstring;

CATCH_TEST_CASE("a run is long enough for an average exactly if it gets one") {
  const std::vector<NamedTensor> weights{{"weight", torch::ones({2})}};
  const auto check = [&](const auto& policy, std::int64_t total) {
    auto state = policy.start(weights);
    for (std::int64_t step = 0; step < total; ++step) {
      policy.update(state, {.parameters = weights, .step = step, .total_steps = total});
    }
    CATCH_INFO(policy.every << " of " << total);
    CATCH_CHECK(policy.averages(state).empty() == !policy.run_mistake(total).empty());
  };
  for (std::int64_t total = 1; total <= 24; ++total) {
    for (std::int64_t every = 1; every <= 12; ++every) {
      check(EMA{.every = every}, total);
      for (const double begin : {0.0, 0.25, 0.5, 0.75, 0.9}) {
        check(SWA{.begin = begin, .every = every}, total);
      }
    }
  }
}

CATCH_TEST_CASE("a run that would get no average is refused before its first step") {
  const RunSettings run{.epochs = 1, .device = c10::kCPU};  // of 5 steps
  using Rare = Trainer<Perceptron, Preset<Plain{.batch_size = 4}>, Preset<EMA{.every = 6}>>;
  Rare rare(perceptron(), run);
  CATCH_CHECK_THROWS_WITH(
      rare.fit(Points(20)),
      ContainsSubstring("averaging: the average is updated after every 6 steps") &&
          ContainsSubstring("a run of 5 steps"));
  Trainer<Perceptron, Preset<Plain{.batch_size = 4}>, Preset<SWA{.every = 4, .batches = 0}>> late(
      perceptron(), {.epochs = 2, .device = c10::kCPU});
  CATCH_CHECK(late.fit(Points(20)).epochs.size() == 2);  // after step 8 of 10
  Trainer<Perceptron, Preset<Plain{.batch_size = 4}>, Preset<SWA{.every = 3, .batches = 0}>> never(
      perceptron(), run);
  CATCH_CHECK_THROWS_WITH(never.fit(Points(20)), ContainsSubstring("lower averaging.begin"));
  CATCH_CHECK_THROWS_AS((Stepper<Perceptron, Preset<EMA{.every = 6}>>(
                            perceptron(), {.total_steps = 5, .device = c10::kCPU})),
                        ConfigurationError);
  auto model = perceptron();
  CATCH_CHECK_NOTHROW(find_batch_size<Rare>(model, Points(20), {.smallest = 4, .largest = 8}, run));
}
