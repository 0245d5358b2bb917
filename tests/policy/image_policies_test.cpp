#include "catch.hpp"
#include <gradus/data/image_dataset.hpp>
#include <gradus/policy/augmentation/crop_flip.hpp>
#include <gradus/policy/augmentation/random_erasing.hpp>
#include <gradus/policy/layout/channels_last.hpp>
#include <gradus/policy/mixing/cut_mix.hpp>
#include <gradus/policy/mixing/mixup.hpp>
#include <gradus/policy/resolution/progressive.hpp>

#include <cmath>
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

CATCH_TEST_CASE("mixup blends each image and its target with one partner, by the same part") {
  // Image k is k everywhere, so that the blend can be read off.
  gradus::Batch batch{torch::arange(4.0F).reshape({4, 1, 1, 1}).expand({4, 3, 2, 2}),
                      torch::arange(4)};
  const auto before = batch.input.clone();
  gradus::Mixup{.alpha = 1, .classes = 4}.mix(batch, 7);
  CATCH_CHECK_FALSE(batch.input.equal(before));
  const auto expected = batch.target.matmul(torch::arange(4.0F));  // mean of the classes
  CATCH_CHECK(torch::allclose(batch.input.select(1, 0).select(1, 0).select(1, 0), expected));
}

CATCH_TEST_CASE("cutmix replaces one rectangle, and blends targets by its area") {
  const gradus::CutMix policy{.classes = 4};
  bool some = false;
  for (std::uint64_t key = 0; key < 20; ++key) {
    gradus::Batch batch{torch::arange(4.0F).reshape({4, 1, 1, 1}).expand({4, 1, 8, 8}),
                        torch::arange(4)};
    policy.mix(batch, key);
    const auto means = batch.input.mean({1, 2, 3});
    CATCH_CHECK(torch::allclose(means, batch.target.matmul(torch::arange(4.0F))));
    some = some || !batch.input[0].equal(batch.input[0].mean().expand({1, 8, 8}));
  }
  CATCH_CHECK(some);
}

CATCH_TEST_CASE("mixed targets are refused where they are no classes, and where one is too high") {
  gradus::Batch soft{torch::ones({2, 1, 2, 2}), torch::ones({2, 3})};
  CATCH_CHECK_THROWS_AS(gradus::Mixup{}.mix(soft, 1), gradus::DataError);
  gradus::Batch high{torch::ones({2, 1, 2, 2}), torch::full({2}, 10, torch::kLong)};
  CATCH_CHECK_THROWS_AS(gradus::Mixup{}.mix(high, 1), gradus::DataError);
  CATCH_CHECK_THROWS_WITH(gradus::CutMix{}.mix(high, 1),
                          Catch::Matchers::ContainsSubstring("one is class 10; expected 0 to 9") &&
                              Catch::Matchers::ContainsSubstring("mixing.classes"));
  gradus::Batch low{torch::ones({2, 1, 2, 2}), torch::tensor({3, -1}, torch::kLong)};
  CATCH_CHECK_THROWS_AS(gradus::Mixup{}.mix(low, 1), gradus::DataError);
}

CATCH_TEST_CASE("the smaller alpha is, the nearer a part is to 0 or 1") {
  // Of the part p of Beta(alpha, alpha) about alpha ln(81) lies between 0.1 and 0.9.
  for (const double alpha : {0.01, 0.001, 3e-4, 1e-5}) {
    constexpr int draws = 4000;
    int between = 0, high = 0;
    for (std::uint64_t key = 0; key < draws; ++key) {
      gradus::Random random(key);
      const double part = gradus::draw_beta(random, alpha);
      CATCH_REQUIRE((part >= 0 && part <= 1));
      between += part > 0.1 && part < 0.9 ? 1 : 0;
      high += part > 0.5 ? 1 : 0;
    }
    CATCH_INFO(alpha);
    const double expected = draws * alpha * std::log(81) / 2;
    CATCH_CHECK(std::abs(between - expected) < 5 * std::sqrt(expected) + 3);
    CATCH_CHECK(std::abs(high - draws / 2) < 160);  // 5 deviations
  }
}

CATCH_TEST_CASE("inputs that are no images are not resized, and the error says so") {
  for (const double part : {0.0, 0.99}) {
    CATCH_CHECK_THROWS_AS(Progressive().resize(torch::ones({4, 6}), part), gradus::DataError);
    CATCH_CHECK_THROWS_WITH(Progressive().resize(torch::ones({4, 3, 8}), part),
                            Catch::Matchers::ContainsSubstring("the input is [4, 3, 8]"));
  }
}

CATCH_TEST_CASE("random erasing takes one rectangle from some images, after the crop and flip") {
  const gradus::RandomErasing<CropFlip> policy{.probability = 0.5, .first = {.padding = 2}};
  const CropFlip alone{.padding = 2};
  int erased = 0;
  for (std::int64_t index = 0; index < 1000; ++index) {
    const gradus::SampleKey key{.seed = 1, .epoch = 2, .index = index};
    const auto draw = policy.draw(key);
    CATCH_REQUIRE(draw.dx == alone.draw(key).dx);
    CATCH_REQUIRE(draw.flip == alone.draw(key).flip);
    const auto& [top, left, height, width] = draw.erased;
    CATCH_REQUIRE((top >= 0 && left >= 0 && top + height <= 32 && left + width <= 32));
    const auto area = static_cast<double>(height * width) / 1024;
    if (area == 0) continue;
    ++erased;
    CATCH_REQUIRE((area > 0.01 && area < 0.36));
  }
  CATCH_CHECK(std::abs(erased - 500) < 80);  // 5 deviations
}

CATCH_TEST_CASE("what is erased is the mean colour, and nothing else changes") {
  const gradus::data::ImageDataset set(torch::full({1, 3, 8, 8}, 200, torch::kByte),
                                       torch::zeros({1}, torch::kLong),
                                       {.mean = {0.5F, 0.5F, 0.5F}, .deviation = {1, 1, 1}});
  const std::vector<std::int64_t> indices{0};
  const std::vector<gradus::ImageTransform> transforms{
      {.erased = {.top = 6, .left = 1, .height = 4, .width = 3}}};  // two rows lie outside
  auto expected = set.batch(indices).input.clone();
  expected.slice(2, 6, 8).slice(3, 1, 4).zero_();
  CATCH_CHECK(set.batch(indices, transforms).input.equal(expected));
}
