#include "catch.hpp"
#include <gradus/core/parameters.hpp>

namespace {

struct PairImpl : torch::nn::Module {
  torch::nn::Linear first = register_module("first", torch::nn::Linear(3, 3));
  torch::nn::Linear second = register_module("second", torch::nn::Linear(3, 3));
};

}  // namespace

CATCH_TEST_CASE(
    "a shared weight stands in the list once and its gradient is the sum of both uses") {
  PairImpl pair;
  gradus::tie_parameter(*pair.second, "weight", pair.second->weight, pair.first->weight);

  const auto list = gradus::unique_parameters(pair);
  CATCH_REQUIRE(list.size() == 3);
  CATCH_CHECK(list[0].name == "first.weight");
  CATCH_CHECK(gradus::count_parameters(pair) == 9 + 3 + 3);
  CATCH_CHECK(pair.parameters().size() == 4);  // LibTorch's own list has it twice

  const auto x = torch::ones({1, 3});
  (pair.first(x).sum() + 2 * pair.second(x).sum()).backward();
  CATCH_CHECK(torch::equal(pair.first->weight.grad(), torch::full({3, 3}, 3.0F)));
}

CATCH_TEST_CASE("a tie survives a move to another type") {
  PairImpl pair;
  gradus::tie_parameter(*pair.second, "weight", pair.second->weight, pair.first->weight);
  pair.to(torch::kDouble);
  CATCH_CHECK(pair.second->weight.is_same(pair.first->weight));
  CATCH_CHECK(pair.second->weight.scalar_type() == torch::kDouble);
  CATCH_CHECK(gradus::unique_parameters(pair).size() == 3);
}

CATCH_TEST_CASE("only parameters of one shape and a known name can be shared") {
  PairImpl pair;
  torch::nn::Linear other(2, 3);
  CATCH_CHECK_THROWS_AS(
      gradus::tie_parameter(*pair.second, "weight", pair.second->weight, other->weight),
      gradus::ConfigurationError);
  CATCH_CHECK_THROWS_AS(
      gradus::tie_parameter(*pair.second, "kernel", pair.second->weight, pair.first->weight),
      gradus::ConfigurationError);
}
