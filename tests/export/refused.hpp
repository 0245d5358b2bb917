// A model whose forward pass is any function, and the check that it cannot be exported.
#pragma once

#include "../catch.hpp"
#include <gradus/export/export_onnx.hpp>

#include <torch/torch.h>

#include <filesystem>
#include <memory>
#include <string>

namespace gradus::test {

inline const std::filesystem::path out = GRADUS_EXPORTED;

template <class Forward>
struct OfImpl : torch::nn::Module {
  torch::nn::Linear layer = register_module("layer", torch::nn::Linear(4, 4));
  at::Tensor kept;
  auto forward(const at::Tensor& x) { return Forward()(*this, x); }
};

template <class Forward>
void check_refused(const std::string& part, Forward,
                   const at::Tensor& inputs = torch::randn({3, 4})) {
  auto model = std::make_shared<OfImpl<Forward>>();
  CATCH_CHECK_THROWS_WITH(export_onnx(model, inputs, out / "refused.onnx"),
                          Catch::Matchers::ContainsSubstring(part));
  CATCH_CHECK(!std::filesystem::exists(out / "refused.onnx"));
}

}  // namespace gradus::test
