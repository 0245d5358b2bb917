// The searches for a learning rate and a batch size, which leave the model as it was.
#include "catch.hpp"
#include "toys.hpp"
#include <gradus/policy/guard/guard.hpp>
#include <gradus/policy/optimizer/adamw.hpp>
#include <gradus/policy/schedule/one_cycle.hpp>
#include <gradus/policy/schedule/warmup.hpp>
#include <gradus/train/search/find_batch_size.hpp>
#include <gradus/train/search/find_learning_rate.hpp>

using namespace gradus;

namespace {

using Usual = Trainer<Perceptron, Preset<Plain{.batch_size = 16}>, SGD, OneCycle>;

/// 2 MiB a sample.
struct LargeData {
  std::int64_t samples;
  [[nodiscard]] std::int64_t size() const { return samples; }
  [[nodiscard]] Batch batch(std::span<const std::int64_t> indices) const {
    const auto count = static_cast<std::int64_t>(indices.size());
    return {torch::ones({count, 1 << 19}), torch::zeros({count}, torch::kLong)};
  }
};

/// Of few parameters.
struct MeanNetImpl : torch::nn::Module {
  torch::nn::Linear head = register_module("head", torch::nn::Linear(1, 2));
  at::Tensor forward(const at::Tensor& x) { return head(x.mean(1, true)); }
};
TORCH_MODULE(MeanNet);

}  // namespace

CATCH_TEST_CASE("the rate that is found trains better than one far below and one far above") {
  const Points points(256);
  auto net = perceptron();
  const auto before = weights_of(*net);
  const auto curve = find_learning_rate<Usual>(net, points, {.lowest = 1e-4, .highest = 1e4},
                                               {.device = c10::kCPU});
  CATCH_CHECK(weights_of(*net).equal(before));
  CATCH_CHECK(net->head->weight.requires_grad());
  CATCH_REQUIRE(curve.rates.size() >= 3);
  CATCH_CHECK(curve.rates.front() == 1e-4);
  CATCH_CHECK(curve.rates.size() == curve.losses.size());

  const auto loss_at = [&](double rate) {
    using T = Trainer<Perceptron, Preset<Plain{.batch_size = 16}>, SGD>;
    T::policies_type policies;
    policies.at<slot::optimizer>().lr = rate;
    T trainer(perceptron(), {.epochs = 2, .device = c10::kCPU}, policies);
    trainer.fit(points);
    return *trainer.evaluate(points).loss;
  };
  const auto found = loss_at(curve.suggestion);
  CATCH_CHECK(found < loss_at(curve.suggestion / 100));
  CATCH_CHECK(found < loss_at(curve.suggestion * 10000));
}

CATCH_TEST_CASE("a search for a rate that is none is refused") {
  auto net = perceptron();
  CATCH_CHECK_THROWS_AS(
      find_learning_rate<Usual>(net, Points(32), {.lowest = 1, .highest = 0.1}, {}),
      ConfigurationError);
}

CATCH_TEST_CASE("batch sizes are doubled up to the data, and the model stays") {
  auto net = perceptron();
  const auto before = weights_of(*net);
  const auto sizes = find_batch_size<Usual>(net, Points(100), {.smallest = 8, .largest = 4096},
                                            {.device = c10::kCPU});
  CATCH_REQUIRE(sizes.trials.size() == 4);  // 8, 16, 32, 64
  CATCH_CHECK(sizes.largest() == 64);
  CATCH_CHECK(sizes.trials[2].batch_size == 32);
  CATCH_CHECK(sizes.trials[2].samples_per_second > 0);
  CATCH_CHECK(weights_of(*net).equal(before));
}

CATCH_TEST_CASE("a schedule that wants more steps than a trial has is no obstacle to a search") {
  using Warm = Trainer<Perceptron, Preset<Plain{.batch_size = 16}>, SGD, Warmup<OneCycle>>;
  auto net = perceptron();
  const RunSettings run{.device = c10::kCPU};
  CATCH_CHECK(find_batch_size<Warm>(net, Points(64), {}, run).largest() == 64);
  CATCH_CHECK(find_learning_rate<Warm>(net, Points(64), {}, run).rates.size() >= 3);
}

CATCH_TEST_CASE("the search ends before memory does") {
  MeanNet net;
  const auto sizes = find_batch_size<Trainer<MeanNet, Plain>>(
      net, LargeData{1 << 20}, {.smallest = 1, .largest = 1 << 19, .memory_part = 0.002},
      {.device = c10::kCPU});
  CATCH_CHECK(sizes.largest() >= 1);
  CATCH_CHECK(sizes.largest() < 1024);  // 2 GiB; 0.2 % of a machine's memory is less
}

CATCH_TEST_CASE("the memory of a trial is found below what the process has had before") {
  torch::ones({512 << 18});  // 512 MiB, touched and freed
  MeanNet net;
  const auto sizes = find_batch_size<Trainer<MeanNet, Plain>>(
      net, LargeData{64}, {.smallest = 16, .largest = 64}, {.device = c10::kCPU});
  CATCH_REQUIRE(sizes.trials.size() == 3);
  constexpr std::int64_t mebibyte = 1 << 20;
  CATCH_CHECK(sizes.trials[0].peak_bytes > 24 * mebibyte);  // a batch has 32 MiB
  CATCH_CHECK(sizes.trials[2].peak_bytes > 96 * mebibyte);  // 128 MiB
  CATCH_CHECK(sizes.trials[2].peak_bytes < 512 * mebibyte);
}

CATCH_TEST_CASE("a guard that stops at spikes does not end a search for a rate") {
  using Guarded =
      Trainer<Perceptron, Preset<Plain{.batch_size = 4}>, SGD,
              Preset<Guard{.spike = 2, .spike_readings = 5, .on_spike = OnSpike::stop}>>;
  using Bare = Trainer<Perceptron, Preset<Plain{.batch_size = 4}>, SGD>;
  const RunSettings run{.device = c10::kCPU};
  auto net = perceptron();
  CATCH_CHECK_THROWS_AS(
      Guarded(perceptron(), {.epochs = 8, .device = c10::kCPU, .log_every_steps = 1})
          .fit(Points(64)),
      NumericError);  // else this shows nothing
  const auto expected = find_learning_rate<Bare>(net, Points(64), {}, run);
  const auto found = find_learning_rate<Guarded>(net, Points(64), {}, run);
  CATCH_CHECK(found.rates == expected.rates);
  CATCH_CHECK(found.losses == expected.losses);
  CATCH_CHECK(found.suggestion == expected.suggestion);
}
