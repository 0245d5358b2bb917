// Other values in a model's tensors, for a while.
#include "catch.hpp"
#include <gradus/train/model/weight_swap.hpp>

#include <ATen/ops/ones.h>
#include <ATen/ops/zeros.h>

#include <vector>

using namespace gradus;

CATCH_TEST_CASE("a swap gives other values, and the former ones back") {
  const std::vector<NamedTensor> tensors{{"a", at::zeros({2})},
                                         {"b", at::zeros({2}, at::kBFloat16)}};
  {
    const WeightSwap swap(tensors, {at::ones({2}), at::ones({2})});
    for (const auto& [name, tensor] : tensors) CATCH_CHECK(tensor.equal(at::ones_like(tensor)));
  }
  for (const auto& [name, tensor] : tensors) CATCH_CHECK(tensor.equal(at::zeros_like(tensor)));
}

CATCH_TEST_CASE("a swap that cannot be made whole changes no tensor") {
  const std::vector<NamedTensor> tensors{{"a", at::zeros({2})},
                                         {"b", at::zeros({2}, at::kBFloat16)}};
  // The copy of the second value fails, as where memory has run out.
  CATCH_CHECK_THROWS(WeightSwap(tensors, {at::ones({2}), at::Tensor()}));
  for (const auto& [name, tensor] : tensors) CATCH_CHECK(tensor.equal(at::zeros_like(tensor)));
}
