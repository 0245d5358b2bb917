// A set that lies in memory as tensors.
#include "../catch.hpp"
#include <gradus/data/tensor_dataset.hpp>

#include <map>
#include <string>
#include <vector>

using namespace gradus;
using Catch::Matchers::ContainsSubstring;
using data::TensorDataset;

namespace {

using Named = std::map<std::string, at::Tensor>;

Named table() {
  return {{"x", torch::arange(12, torch::kFloat).view({6, 2})}, {"y", torch::arange(6)}};
}

}  // namespace

static_assert(data::Dataset<TensorDataset<Named>> && data::ResidentDataset<TensorDataset<Named>>);
static_assert(data::FingerprintedDataset<TensorDataset<Batch>>);

CATCH_TEST_CASE("a batch holds copies of the rows that were asked for") {
  const TensorDataset set(table());
  CATCH_CHECK(set.size() == 6);
  auto batch = set.batch(std::vector<std::int64_t>{4, 0, 4});
  CATCH_CHECK(batch["x"].equal(torch::tensor({{8.F, 9.F}, {0.F, 1.F}, {8.F, 9.F}})));
  CATCH_CHECK(batch["y"].equal(torch::tensor({4, 0, 4})));
  batch["x"].zero_();
  CATCH_CHECK(set.all().at("x").equal(table().at("x")));
  CATCH_CHECK(set.batch({}).at("x").sizes() == at::IntArrayRef({0, 2}));
}

CATCH_TEST_CASE("on a device it gives the same rows") {
  const TensorDataset set(table());
  CATCH_CHECK(set.device_bytes() == 12 * 4 + 6 * 8);
  const auto there = set.on_device(c10::kCPU);
  const std::vector<std::int64_t> order{5, 1, 2, 0};
  const auto epoch = there.epoch(order);
  const auto host = set.batch(std::vector<std::int64_t>{1, 2, 0});
  const auto found = epoch.batch(1, 3);
  CATCH_CHECK(found.at("x").equal(host.at("x")));
  CATCH_CHECK(found.at("y").equal(host.at("y")));
}

CATCH_TEST_CASE("strided tensors and those that are trained are taken as values") {
  const auto x = torch::arange(12, torch::kFloat).view({2, 6}).t().requires_grad_();
  const TensorDataset set(Batch{x, torch::arange(6)});
  const auto batch = set.batch(std::vector<std::int64_t>{1, 5});
  CATCH_CHECK(batch.input.equal(torch::tensor({{1.F, 7.F}, {5.F, 11.F}})));
  CATCH_CHECK_FALSE(batch.input.requires_grad());
  const TensorDataset same(Batch{x.detach().contiguous(), torch::arange(6)});
  const TensorDataset other(Batch{x.detach() + 1, torch::arange(6)});
  CATCH_CHECK(set.fingerprint() == same.fingerprint());
  CATCH_CHECK(set.fingerprint() != other.fingerprint());
}

CATCH_TEST_CASE("equal bytes in another shape, type or place are another set") {
  const auto of = [](const at::Tensor& input, const at::Tensor& target) {
    return TensorDataset(Batch{input, target}).fingerprint();
  };
  const auto classes = torch::arange(2);
  const auto zeros = torch::zeros({2, 6});
  CATCH_CHECK(of(zeros, classes) == of(zeros.clone(), classes.clone()));
  CATCH_CHECK(of(zeros, classes) != of(zeros.view({2, 3, 2}), classes));
  CATCH_CHECK(of(zeros, classes) != of(zeros.to(torch::kInt), classes));
  CATCH_CHECK(of(zeros, classes) != of(classes, zeros));
}

CATCH_TEST_CASE("tensors that disagree, sets without samples and indices outside are refused") {
  CATCH_CHECK_THROWS_WITH(TensorDataset(Batch{torch::zeros({3, 2}), torch::zeros({4})}),
                          ContainsSubstring("3, 4 rows"));
  CATCH_CHECK_THROWS_WITH(TensorDataset(Batch{torch::zeros({0, 2}), torch::zeros({0})}),
                          ContainsSubstring("at least one sample"));
  CATCH_CHECK_THROWS_WITH(TensorDataset(Batch{torch::zeros({3, 2}), {}}),
                          ContainsSubstring("3, 0 rows"));
  const TensorDataset set(table());
  for (const std::int64_t index : {-1, 6}) {
    CATCH_CHECK_THROWS_WITH(set.batch(std::vector<std::int64_t>{0, index}),
                            ContainsSubstring("expected an index from 0"));
  }
}
