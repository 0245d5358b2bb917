#include "support.hpp"
#include <gradus/core/sample_draw.hpp>
#include <gradus/data/sampling.hpp>

#include <algorithm>
#include <array>
#include <set>

using namespace gradus;
using namespace gradus::data;
using namespace gradus::data::test;

CATCH_TEST_CASE("An epoch's order visits every sample exactly once") {
  for (const std::int64_t size : {0, 1, 2, 10, 1000}) {
    auto order = epoch_order(size, 1, 0);
    std::ranges::sort(order);
    CATCH_CHECK(order == sequential_order(size));
  }
}

CATCH_TEST_CASE("An epoch's order depends on seed and epoch and on nothing else") {
  const auto order = epoch_order(1000, 1, 0);
  CATCH_CHECK(order == epoch_order(1000, 1, 0));
  CATCH_CHECK(order != epoch_order(1000, 1, 1));
  CATCH_CHECK(order != epoch_order(1000, 2, 0));
  CATCH_CHECK(order != sequential_order(1000));
}

CATCH_TEST_CASE("An epoch's order is the same on every platform") {
  // By a Python program of SplitMix64 and sorted(); a change would change every recorded run.
  CATCH_CHECK(epoch_order(10, 1, 0) == std::vector<std::int64_t>{5, 1, 9, 3, 8, 0, 7, 4, 2, 6});
}

CATCH_TEST_CASE("A smaller set keeps the relative order of its samples") {
  auto large = epoch_order(1000, 7, 3);
  std::erase_if(large, [](std::int64_t index) { return index >= 100; });
  CATCH_CHECK(large == epoch_order(100, 7, 3));
}

CATCH_TEST_CASE("Each place of an epoch's order is equally likely for each sample") {
  // Chi-squared over 10 x 10 cells and 10,000 orders: 81 degrees of freedom (rows and columns are
  // fixed), 99.9 % quantile 126.1; seeds 0 to 9,999.
  std::array<std::array<double, 10>, 10> count{};
  for (std::uint64_t seed = 0; seed < 10'000; ++seed) {
    const auto order = epoch_order(10, seed, 0);
    for (std::size_t place = 0; place < 10; ++place) {
      count[static_cast<std::size_t>(order[place])][place] += 1;
    }
  }
  double chi_squared = 0;
  for (const auto& row : count) {
    for (const double cell : row) chi_squared += (cell - 1000) * (cell - 1000) / 1000;
  }
  CATCH_CHECK(chi_squared < 126.1);
}

CATCH_TEST_CASE("Batches cover the order once, and the last may be short") {
  const auto order = epoch_order(10, 1, 0);
  const auto parts = batches(order, 4);
  CATCH_REQUIRE(parts.size() == 3);
  std::vector<std::int64_t> seen;
  for (const std::span<const std::int64_t> indices : parts) {
    seen.insert(seen.end(), indices.begin(), indices.end());
  }
  CATCH_CHECK(seen == order);
  CATCH_CHECK(parts[2].size() == 2);
  CATCH_CHECK(parts[1].data() == order.data() + 4);
  CATCH_CHECK(batches(order, 10).size() == 1);
  CATCH_CHECK(batches(order, 100)[0].size() == 10);
  CATCH_CHECK(batches({}, 4).size() == 0);
}

CATCH_TEST_CASE("The number of batches is that of the batches") {
  for (std::int64_t size = 0; size < 30; ++size) {
    const auto order = sequential_order(size);
    for (std::int64_t batch = 1; batch < 12; ++batch) {
      const auto parts = batches(order, batch);
      CATCH_REQUIRE(batch_count(size, batch) == static_cast<std::int64_t>(parts.size()));
      CATCH_REQUIRE(batch_count(size, batch, LastBatch::drop) == size / batch);
    }
  }
  CATCH_CHECK(batch_count(50'000, 128) == 391);
  CATCH_CHECK(batch_count(50'000, 128, LastBatch::drop) == 390);
}

CATCH_TEST_CASE("A batch size of 0, below, or above the dataset is refused") {
  const auto order = sequential_order(10);
  for (const std::int64_t size : {0, -1}) {
    const auto named = ContainsSubstring("The batch size is " + std::to_string(size) + ";");
    CATCH_CHECK_THAT(refusal([&] { (void)batches(order, size); }), named);
    CATCH_CHECK_THAT(refusal([&] { (void)batch_count(10, size); }), named);
    CATCH_CHECK_THAT(refusal([&] { check_batch_size(10, size); }), named);
  }
  CATCH_CHECK_THAT(refusal([&] { check_batch_size(10, 11); }),
                   ContainsSubstring("The batch size is 11 but the dataset has 10 samples"));
  check_batch_size(10, 10);
}
