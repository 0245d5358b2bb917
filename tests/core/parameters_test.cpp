#include "catch.hpp"
#include <gradus/core/parameters.hpp>

#include <string>
#include <utility>
#include <vector>

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
  CATCH_CHECK(list[0].other_names == std::vector<std::string>{"second.weight"});
  CATCH_CHECK(list[1].other_names.empty());
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

CATCH_TEST_CASE("a named tensor is bound as a pair, whatever other names it has") {
  gradus::NamedTensor one{"first.weight", torch::zeros({2}), {"second.weight"}};
  auto& [name, tensor] = one;
  name = "head.weight";
  tensor = torch::ones({3});
  const auto& [read_name, read_tensor] = std::as_const(one);
  CATCH_CHECK(&read_name == &one.name);
  CATCH_CHECK(&read_tensor == &one.tensor);
  CATCH_CHECK(one.name == "head.weight");
  CATCH_CHECK(one.tensor.numel() == 3);
  const auto [copied_name, copied_tensor] = one;
  CATCH_CHECK(copied_name == "head.weight");
  CATCH_CHECK(copied_tensor.is_same(one.tensor));
  CATCH_CHECK(one.any_name([](const std::string& each) { return each == "second.weight"; }));
  CATCH_CHECK_FALSE(one.any_name([](const std::string& each) { return each == "second.bias"; }));
}
