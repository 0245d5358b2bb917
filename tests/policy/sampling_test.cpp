// Which samples a pass visits: shares of classes, weights, and how often each comes.
#include "../catch.hpp"
#include "../train/toys.hpp"
#include <gradus/core/sample_draw.hpp>
#include <gradus/data/sample_weights.hpp>
#include <gradus/data/tensor_dataset.hpp>
#include <gradus/policy/loading/prefetch.hpp>
#include <gradus/policy/loading/resident.hpp>
#include <gradus/policy/optimizer/adamw.hpp>
#include <gradus/policy/sampling/class_balanced.hpp>
#include <gradus/policy/sampling/in_order.hpp>
#include <gradus/policy/sampling/weighted_sampling.hpp>
#include <gradus/testing.hpp>
#include <gradus/train/trainer.hpp>

#include <torch/torch.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <map>
#include <set>
#include <span>
#include <string_view>
#include <vector>

using namespace gradus;
using Catch::Matchers::ContainsSubstring;

namespace {

/// 89 samples of class 0, 10 of class 4, 1 of class 2.
std::vector<std::int64_t> unequal_classes() {
  std::vector<std::int64_t> classes(100, 0);
  std::fill(classes.begin() + 60, classes.begin() + 70, 4);
  classes[50] = 2;
  return classes;
}

/// How often each sample is visited in passes [0, passes).
template <class P>
std::vector<std::int64_t> visits(const P& policy, SampleDraw draw, std::int64_t passes) {
  std::vector<std::int64_t> visits(static_cast<std::size_t>(draw.size));
  for (draw.pass = 0; draw.pass < passes; ++draw.pass) {
    for (const auto index : policy.order(draw)) ++visits[static_cast<std::size_t>(index)];
  }
  return visits;
}

data::TensorDataset<Batch> points(std::int64_t size) {
  const Points points(size);
  return data::TensorDataset<Batch>({points.inputs_, points.targets_});
}

/// Policies whose orders are none.
struct Half {
  using slot = slot::sampling;
  static constexpr std::string_view name = "Half";
  static constexpr auto fields() { return no_fields; }
  [[nodiscard]] std::vector<std::int64_t> order(const SampleDraw& draw) const {
    return InOrder{}.order({.size = draw.size / 2});
  }
};

struct Beyond {
  using slot = slot::sampling;
  static constexpr std::string_view name = "Beyond";
  static constexpr auto fields() { return no_fields; }
  [[nodiscard]] std::vector<std::int64_t> order(const SampleDraw& draw) const {
    return std::vector<std::int64_t>(static_cast<std::size_t>(draw.size), draw.size);
  }
};

}  // namespace

CATCH_TEST_CASE("each class has its share of each pass, to within a sample") {
  const auto classes = unequal_classes();
  const SampleDraw draw{.size = 100, .seed = 3, .classes = classes};
  for (const double balance : {0.0, 0.5, 1.0}) {
    const ClassBalanced policy{.balance = balance};
    double sum = 0;
    for (const double size : {89, 10, 1}) sum += std::pow(size, 1 - balance);
    for (std::int64_t pass = 0; pass < 5; ++pass) {
      auto now = draw;
      now.pass = pass;
      std::map<std::int64_t, double> seen;
      for (const auto index : policy.order(now)) ++seen[classes[static_cast<std::size_t>(index)]];
      CATCH_CHECK(std::abs(seen[0] - 100 * std::pow(89, 1 - balance) / sum) < 1);
      CATCH_CHECK(std::abs(seen[4] - 100 * std::pow(10, 1 - balance) / sum) < 1);
      CATCH_CHECK(std::abs(seen[2] - 100 / sum) < 1);
    }
  }
}

CATCH_TEST_CASE("within a class no sample comes again before all others have come") {
  const auto classes = unequal_classes();
  const SampleDraw draw{.size = 100, .seed = 3, .classes = classes};
  for (const std::int64_t passes : {1, 2, 3, 8, 27}) {
    const auto seen = visits(ClassBalanced{}, draw, passes);
    std::map<std::int64_t, std::pair<std::int64_t, std::int64_t>> range;
    for (std::size_t i = 0; i < seen.size(); ++i) {
      const auto place = range.try_emplace(classes[i], seen[i], seen[i]).first;
      place->second = {std::min(place->second.first, seen[i]),
                       std::max(place->second.second, seen[i])};
    }
    for (const auto& [name, counts] : range) CATCH_CHECK(counts.second - counts.first <= 1);
  }
}

CATCH_TEST_CASE("a sample comes as often as its weight says") {
  std::vector<double> weights(60, 1);
  weights[0] = 0;
  weights[7] = 5.5;
  weights[20] = 0.25;
  const SampleDraw draw{.size = 60, .seed = 1, .weights = weights};
  const double mean = (57 + 5.5 + 0.25) / 60;
  const std::int64_t passes = 400;
  const auto once = visits(WeightedSampling{}, draw, 1);
  const auto all = visits(WeightedSampling{}, draw, passes);
  for (std::size_t i = 0; i < weights.size(); ++i) {
    const double expected = weights[i] / mean;
    CATCH_CHECK(std::abs(static_cast<double>(once[i]) - expected) < 1);
    // Of `passes` draws that are rounded down or up: a standard deviation is at most 10.
    CATCH_CHECK(std::abs(static_cast<double>(all[i]) - expected * passes) <= 50);
  }
  CATCH_CHECK(all[0] == 0);
}

CATCH_TEST_CASE("equal weights visit each sample once, whatever they are") {
  for (const double weight : {1.0, 1e-300, 3e300, 0.1}) {
    const std::vector<double> weights(1000, weight);
    auto order = WeightedSampling{}.order({.size = 1000, .seed = 9, .weights = weights});
    std::ranges::sort(order);
    CATCH_CHECK(order == InOrder{}.order({.size = 1000}));
  }
}

CATCH_TEST_CASE("one sample with all the weight is the whole pass") {
  std::vector<double> weights(50, 0);
  weights[13] = 0.1;
  const auto order = WeightedSampling{}.order({.size = 50, .weights = weights});
  CATCH_CHECK(order == std::vector<std::int64_t>(50, 13));
}

CATCH_TEST_CASE("a run trains on what its sampling policy chooses, read or resident, and resumes") {
  using Chosen = Preset<ClassBalanced{.balance = 0.7}>;
  using Read = Trainer<Perceptron, Chosen, AdamW, Preset<Prefetch{.batch_size = 8, .workers = 2}>>;
  using There =
      Trainer<Perceptron, Chosen, AdamW, Preset<Resident{.batch_size = 8, .on_cpu = true}>>;
  using Neutral = Trainer<Perceptron, AdamW, Preset<Prefetch{.batch_size = 8, .workers = 2}>>;
  const RunSettings run{.seed = 2, .epochs = 3, .device = c10::kCPU};
  const auto set = points(43);
  Read read(perceptron(), run);
  There there(perceptron(), run);
  Neutral neutral(perceptron(), run);
  read.fit(set);
  there.fit(set);
  neutral.fit(set);
  CATCH_CHECK(weights_of(*read.model()).equal(weights_of(*there.model())));
  CATCH_CHECK(!weights_of(*read.model()).equal(weights_of(*neutral.model())));
  for (const std::int64_t at : {2, 6, 11}) {
    auto part = run;
    part.stop_after_steps = at;
    Read before(perceptron(), part);
    before.fit(set);
    Read after(perceptron(1), run);
    after.load_state(before.save_state());
    after.fit(set);
    CATCH_CHECK(weights_of(*after.model()).equal(weights_of(*read.model())));
  }
}

CATCH_TEST_CASE("samples in order are the batches of the set") {
  struct Seen {
    std::vector<std::int64_t>* first;
    const Points* points;
    [[nodiscard]] std::int64_t size() const { return points->size(); }
    [[nodiscard]] Batch batch(std::span<const std::int64_t> indices) const {
      first->push_back(indices.front());
      return points->batch(indices);
    }
  };
  const Points set(20);
  std::vector<std::int64_t> first;
  Trainer<Perceptron, InOrder, Preset<Plain{.batch_size = 5}>> trainer(
      perceptron(), {.epochs = 2, .device = c10::kCPU});
  trainer.fit(Seen{&first, &set});
  CATCH_CHECK(first == std::vector<std::int64_t>{0, 5, 10, 15, 0, 5, 10, 15});
}

CATCH_TEST_CASE("weights come with a dataset, and change its fingerprint") {
  const auto set = points(12);
  std::vector<double> weights(12, 1);
  weights[3] = 0;
  const data::SampleWeights weighted(set, weights);
  CATCH_CHECK(weighted.fingerprint() != set.fingerprint());
  CATCH_CHECK(weighted.targets().equal(set.targets()));
  static_assert(data::ResidentDataset<data::SampleWeights<data::TensorDataset<Batch>>>);
  static_assert(!data::FingerprintedDataset<data::SampleWeights<Points>>);
  Trainer<Perceptron, WeightedSampling, Preset<Resident{.batch_size = 4, .on_cpu = true}>> trainer(
      perceptron(), {.epochs = 2, .device = c10::kCPU});
  CATCH_CHECK(trainer.fit(weighted).epochs.size() == 2);

  const auto refusal = [&](std::vector<double> numbers) {
    return [&set, numbers] { data::SampleWeights(set, numbers); };
  };
  const double nan = std::numeric_limits<double>::quiet_NaN();
  CATCH_CHECK_THROWS_WITH(refusal({1, 2})(), ContainsSubstring("2 weights for 12 samples"));
  CATCH_CHECK_THROWS_WITH(refusal(std::vector<double>(12, 0))(), ContainsSubstring("above 0"));
  CATCH_CHECK_THROWS_WITH(refusal(std::vector<double>(12, -1))(), ContainsSubstring("Sample 0"));
  CATCH_CHECK_THROWS_WITH(refusal(std::vector<double>(12, nan))(), ContainsSubstring("Sample 0"));
  CATCH_CHECK_THROWS_WITH(refusal(std::vector<double>(12, 1e308))(), ContainsSubstring("add up"));
}

CATCH_TEST_CASE("weights that a dataset makes itself are kept, and checked") {
  struct Own : Points {
    std::vector<double> weights;
    [[nodiscard]] std::vector<double> sample_weights() const { return weights; }
  };
  const RunSettings run{.epochs = 1, .device = c10::kCPU};
  Trainer<Perceptron, WeightedSampling, Preset<Plain{.batch_size = 4}>> trainer(perceptron(), run);
  Own set{Points(16), std::vector<double>(16, 1)};
  const auto order = sample_order(WeightedSampling(), set, 0, 0);
  CATCH_CHECK(std::set(order.begin(), order.end()).size() == 16);
  CATCH_CHECK(trainer.fit(set).epochs.size() == 1);
  for (auto& wrong : {std::vector<double>(3, 1), std::vector<double>(16, 0)}) {
    set.weights = wrong;
    CATCH_CHECK_THROWS_AS(trainer.fit(set), DataError);
  }
}

CATCH_TEST_CASE("samples that losses ignore are not chosen as a class") {
  std::vector<std::int64_t> classes{0, -100, 1, -100, 0, 1, 1, 0};
  for (const auto index : ClassBalanced{}.order({.size = 8, .classes = classes})) {
    CATCH_CHECK(classes[static_cast<std::size_t>(index)] >= 0);
  }
}

CATCH_TEST_CASE("what a sampling policy cannot choose from, or gives wrongly, is refused") {
  const RunSettings run{.epochs = 1, .device = c10::kCPU};
  const Points set(64);
  Trainer<Perceptron, ClassBalanced, Preset<Plain{.batch_size = 4}>> by_class(perceptron(), run);
  const data::TensorDataset<Batch> real({set.inputs_, set.targets_.to(at::kFloat)});
  CATCH_CHECK_THROWS_WITH(by_class.fit(real), ContainsSubstring("a whole number for each sample"));

  Trainer<Perceptron, Half> half(perceptron(), run);
  CATCH_CHECK_THROWS_WITH(half.fit(set), ContainsSubstring("an order of 32 indices"));
  Trainer<Perceptron, Beyond> beyond(perceptron(), run);
  CATCH_CHECK_THROWS_WITH(beyond.fit(set), ContainsSubstring("index 64"));
}
