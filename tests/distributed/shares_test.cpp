// What each of several processes has of what they share.
#include "../catch.hpp"
#include "../docs/table.hpp"
#include <gradus/core/rank_share.hpp>
#include <gradus/policy/distribution/data_parallel.hpp>
#include <gradus/testing.hpp>
#include <gradus/train/step/shared_window.hpp>

#include <ATen/ops/randn.h>
#include <torch/utils.h>

#include <algorithm>
#include <cstdint>

using gradus::RankShare;

CATCH_TEST_CASE("shares lie side by side, cover all and differ by one at most") {
  for (const std::int64_t size : {1, 2, 3, 7, 64}) {
    for (const std::int64_t all : {0, 1, 2, 3, 16, 100, 511}) {
      std::int64_t next = 0, least = all, most = 0, smallest = all;
      for (std::int64_t rank = 0; rank < size; ++rank) {
        const RankShare share{rank, size};
        CATCH_CHECK(share.first(all) == next);
        next += share.count(all);
        least = std::min(least, share.count(all));
        most = std::max(most, share.count(all));
        if (share.count(all) > 0) smallest = std::min(smallest, share.count(all));
        CATCH_CHECK(share.smallest(all) == RankShare{0, size}.smallest(all));
      }
      CATCH_CHECK(next == all);
      CATCH_CHECK(most - least <= 1);
      CATCH_CHECK(RankShare{0, size}.smallest(all) == smallest);
    }
  }
}

CATCH_TEST_CASE("DataParallel keeps the laws of its axis, and its page has its numbers") {
  gradus::testing::check_laws<gradus::DataParallel>();
  gradus::test::check_table<gradus::DataParallel>();
}

CATCH_TEST_CASE("ranks draw other random numbers, a window draws the same again") {
  const auto drawn = [](std::int64_t rank, std::int64_t window) {
    torch::manual_seed(5);
    gradus::seed_window({rank, 3}, 7, window, at::kCPU);
    return at::randn({4});
  };
  CATCH_CHECK(drawn(1, 2).equal(drawn(1, 2)));
  CATCH_CHECK_FALSE(drawn(1, 2).equal(drawn(2, 2)));
  CATCH_CHECK_FALSE(drawn(1, 2).equal(drawn(1, 3)));
  torch::manual_seed(5);
  CATCH_CHECK(drawn(0, 2).equal((torch::manual_seed(5), at::randn({4}))));  // as in one process
}
