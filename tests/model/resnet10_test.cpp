#include "catch.hpp"
#include <gradus/core/parameters.hpp>
#include <gradus/model/resnet10.hpp>
#include <gradus/policy/initialization/identity_start.hpp>
#include <gradus/policy/sharing/share_early_layer.hpp>

using gradus::ResNet10;
using gradus::ResNet10Options;

CATCH_TEST_CASE(
    "ResNet10 at width 64 has 4,903,242 parameters, 36,864 fewer with the early layer shared") {
  ResNet10 model;
  CATCH_CHECK(gradus::count_parameters(*model) == 4'903'242);
  gradus::ShareEarlyLayer{}.tie(model);
  CATCH_CHECK(gradus::count_parameters(*model) == 4'903'242 - 36'864);
  CATCH_CHECK(model->stage1->conv1->weight.is_same(model->stage1->conv2->weight));
  CATCH_CHECK_FALSE(model->stage1->norm1->weight.is_same(model->stage1->norm2->weight));
}

CATCH_TEST_CASE("ResNet10 takes images of several sizes and gives one score per class") {
  ResNet10 model(ResNet10Options{.width = 4, .classes = 7});
  for (const std::int64_t side : {16, 24, 32}) {
    CATCH_CHECK(model->forward(torch::randn({2, 3, side, side})).sizes() ==
                at::IntArrayRef({2, 7}));
  }
}

CATCH_TEST_CASE("stages halve the image and double the channels") {
  ResNet10 model(ResNet10Options{.width = 4});
  auto x = model->stage1(model->stem(torch::randn({1, 3, 32, 32})));
  CATCH_CHECK(x.sizes() == at::IntArrayRef({1, 4, 32, 32}));
  x = model->stage4(model->stage3(model->stage2(x)));
  CATCH_CHECK(x.sizes() == at::IntArrayRef({1, 32, 4, 4}));
}

CATCH_TEST_CASE("a network without channels is refused") {
  CATCH_CHECK_THROWS_AS(ResNet10(ResNet10Options{.width = 0}), gradus::ConfigurationError);
}

CATCH_TEST_CASE("an identity start hands on what blocks get, as far as they have filters for it") {
  ResNet10 model(ResNet10Options{.width = 4});
  const auto stem = model->stem->weight.detach().clone();
  gradus::IdentityStart{}.initialize(model);
  auto& block = model->stage2;  // 4 channels to 8
  CATCH_CHECK(block->conv1->weight.slice(0, 0, 4).equal(
      torch::nn::init::dirac_(torch::empty({4, 4, 3, 3}))));
  CATCH_CHECK(block->conv1->weight.slice(0, 4).count_nonzero().item<std::int64_t>() == 4 * 4 * 9);
  CATCH_CHECK(block->conv1->weight.requires_grad());
  CATCH_CHECK(model->stem->weight.equal(stem));
  const auto image = torch::randn({1, 8, 5, 5});
  CATCH_CHECK(torch::equal(block->conv2(image), image));
}
