#include "catch.hpp"
#include <gradus/policy/augmentation/crop_flip.hpp>
#include <gradus/policy/layout/channels_last.hpp>
#include <gradus/policy/resolution/progressive.hpp>

#include <set>

using gradus::CropFlip;
using gradus::Flip;
using gradus::Progressive;

CATCH_TEST_CASE("crops stay within the padding, depend on the key alone, and reach all shifts") {
  const CropFlip policy{.padding = 2, .flip = Flip::random};
  std::set<std::pair<std::int64_t, std::int64_t>> shifts;
  int flips = 0;
  for (std::int64_t index = 0; index < 2000; ++index) {
    const auto draw = policy.draw({.seed = 3, .epoch = 1, .index = index});
    const auto again = policy.draw({.seed = 3, .epoch = 1, .index = index});
    CATCH_REQUIRE(draw.dy == again.dy);
    CATCH_REQUIRE(draw.dx == again.dx);
    CATCH_REQUIRE(draw.flip == again.flip);
    CATCH_REQUIRE(std::max(std::abs(draw.dy), std::abs(draw.dx)) <= 2);
    shifts.insert({draw.dy, draw.dx});
    flips += draw.flip ? 1 : 0;
  }
  CATCH_CHECK(shifts.size() == 25);
  CATCH_CHECK(std::abs(flips - 1000) < 100);  // 4.5 deviations
}

CATCH_TEST_CASE("alternating flips show each image both ways in every pair of epochs") {
  const CropFlip policy{.padding = 0, .flip = Flip::alternating};
  int first = 0;
  for (std::int64_t index = 0; index < 1000; ++index) {
    const bool even = policy.draw({.seed = 1, .epoch = 4, .index = index}).flip;
    CATCH_REQUIRE(even != policy.draw({.seed = 1, .epoch = 5, .index = index}).flip);
    first += even ? 1 : 0;
  }
  CATCH_CHECK(std::abs(first - 500) < 75);
}

CATCH_TEST_CASE("progressive sides start small, never shrink, and end full") {
  const Progressive policy{.initial_scale = 0.5, .delay_fraction = 0.3, .finetune_fraction = 0.3};
  CATCH_CHECK(policy.side(32, 0) == 16);
  CATCH_CHECK(policy.side(32, 0.29) == 16);
  CATCH_CHECK(policy.side(32, 0.5) == 24);
  CATCH_CHECK(policy.side(32, 0.7) == 32);
  std::int64_t before = 0;
  for (double part = 0; part < 1; part += 0.01) {
    const auto side = policy.side(32, part);
    CATCH_CHECK(side >= before);
    CATCH_CHECK(side % 4 == 0);
    before = side;
  }
  CATCH_CHECK((Progressive{.delay_fraction = 1, .finetune_fraction = 0}).side(32, 0.99) == 16);
}

CATCH_TEST_CASE("resizing halves an image by averaging and leaves a full one alone") {
  const Progressive policy;
  const auto images = torch::ones({2, 3, 32, 32});
  const auto small = policy.resize(images, 0);
  CATCH_CHECK(small.sizes() == at::IntArrayRef({2, 3, 16, 16}));
  CATCH_CHECK(torch::allclose(small, torch::ones({2, 3, 16, 16})));
  CATCH_CHECK(policy.resize(images, 0.99).is_same(images));
}

CATCH_TEST_CASE("channels-last changes the memory of images and weights, not their values") {
  const gradus::ChannelsLast layout;
  const auto images = torch::randn({2, 3, 4, 4});
  const auto arranged = layout.arrange(images);
  CATCH_CHECK(arranged.is_contiguous(at::MemoryFormat::ChannelsLast));
  CATCH_CHECK(torch::equal(arranged, images));
  const auto matrix = torch::randn({2, 3});
  CATCH_CHECK(layout.arrange(matrix).is_same(matrix));
}
