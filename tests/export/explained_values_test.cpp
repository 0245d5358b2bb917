// A file is written only of values that the recorded operators explain.
#include "../catch.hpp"
#include "refused.hpp"

#include <ATen/ops/_foreach_add.h>
#include <torch/library.h>

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <tuple>
#include <unistd.h>

using namespace gradus;
using namespace gradus::test;
using Catch::Matchers::ContainsSubstring;

namespace {

void double_into(const at::Tensor& x, const at::Tensor& y) {
  for (std::int64_t i = 0; i < x.numel(); ++i)
    y.mutable_data_ptr<float>()[i] = 2 * x.const_data_ptr<float>()[i];
}

}  // namespace

TORCH_LIBRARY(gradus_export_test, library) {
  library.def("double_into(Tensor x, Tensor(a!) out) -> ()", &double_into);
}

CATCH_TEST_CASE("memory that is written by its pointer is not exported") {
  const auto none_made = "no operator of LibTorch has made it";
  check_refused(none_made, [](auto& of, const at::Tensor& x) {
    const auto y = at::empty_like(x);
    double_into(x, y);
    return of.layer(y);
  });
  check_refused(none_made, [](auto& of, const at::Tensor& x) {
    const auto y = of.layer(x);
    double_into(y, y);
    return y;
  });
  check_refused(none_made, [](auto& of, const at::Tensor& x) {
    const auto y = of.layer(x), part = y.view({-1});
    double_into(part, part);
    return y + 1;
  });
  check_refused(none_made, [](auto& of, const at::Tensor& x) {
    const auto y = torch::zeros({x.size(0), 4});
    const auto sums = x.sum(1);
    for (std::int64_t i = 0; i < x.size(0); ++i)
      y.mutable_data_ptr<float>()[4 * i] = sums.template const_data_ptr<float>()[i];
    return of.layer(y);
  });
  check_refused("nothing has been written",
                [](auto& of, const at::Tensor& x) { return of.layer(x) + at::empty({4}); });
  check_refused("written by its pointer after an operator had read it",
                [](auto& of, const at::Tensor& x) {
                  const auto factors = torch::ones({4});
                  const auto y = of.layer(x) * factors;
                  factors.mutable_data_ptr<float>()[0] = 5;
                  return y * factors;
                });
}

CATCH_TEST_CASE("an operator that returns nothing is not left out") {
  check_refused("aten::_foreach_add is not supported", [](auto& of, const at::Tensor& x) {
    auto y = of.layer(x);
    at::_foreach_add_({y}, 1);
    return y + 1;
  });
  check_refused(
      "gradus_export_test::double_into is not supported", [](auto& of, const at::Tensor& x) {
        static const auto op = c10::Dispatcher::singleton()
                                   .findSchemaOrThrow("gradus_export_test::double_into", "")
                                   .typed<void(const at::Tensor&, const at::Tensor&)>();
        const auto y = at::empty_like(x);
        op.call(of.layer(x), y);
        return of.layer(y);
      });
}

CATCH_TEST_CASE("a value that is read by a pointer is not exported as a constant") {
  const auto largest = [](auto& of, const at::Tensor& x) {
    const auto* first = x.const_data_ptr<float>();
    return of.layer(x) / *std::max_element(first, first + x.numel());
  };
  check_refused("depends on values of the input", largest);
  check_refused("depends on values of the input", largest, torch::zeros({1, 4}));
  check_refused(
      "a constant of node",
      [](auto& of, const at::Tensor& x) {
        auto first = std::vector<float>(4, x.const_data_ptr<float>()[0]);
        return of.layer(x) + at::from_blob(first.data(), {4}, at::kFloat).clone();
      },
      torch::randn({1, 4}));
  check_refused("aten::max_pool2d has a number that follows", [](auto&, const at::Tensor& x) {
    return at::max_pool2d(x.view({-1, 1, 2, 2}), 2, 2, 0, 1, /*ceil_mode=*/x.size(0) > 4);
  });
}

CATCH_TEST_CASE("an output that is undefined, or has a size of its own, is refused") {
  check_refused("its output2 is undefined", [](auto& of, const at::Tensor& x) {
    return std::tuple(of.layer(x), of.is_training() ? x : at::Tensor());
  });
  check_refused("a size is 3 for 4 samples and 4 for 5",
                [](auto& of, const at::Tensor& x) { return of.layer(x).slice(0, 1); });
}

CATCH_TEST_CASE("what operators of ONNX do not compute is refused") {
  check_refused("aten::conv2d is of BFloat16, which ONNX's Conv does not accept",
                [](auto&, const at::Tensor& x) {
                  const auto images = x.view({-1, 1, 2, 2}).to(at::kBFloat16);
                  return at::conv2d(images, torch::ones({1, 1, 1, 1}, at::kBFloat16));
                });
  check_refused("aten::neg is of Byte",
                [](auto&, const at::Tensor& x) { return at::neg(x.to(at::kByte)); });
  check_refused(
      "leaves out a window that ONNX has",
      [](auto&, const at::Tensor& x) {
        return at::max_pool2d(x.view({-1, 1, 6, 5}), 3, 3, 1, 1, /*ceil_mode=*/true);
      },
      torch::randn({3, 30}));
}

CATCH_TEST_CASE("an old graph is never left beside new weights") {
  std::filesystem::create_directories(out);
  const auto path = out.parent_path() / "replaced.onnx";
  auto model = std::make_shared<
      OfImpl<decltype([](auto& of, const at::Tensor& x) { return of.layer(x); })>>();
  model->layer = model->replace_module("layer", torch::nn::Linear(4, 400));
  export_onnx(model, torch::randn({3, 4}), path, {.weights_beside = true});
  CATCH_CHECK(std::filesystem::file_size(path.string() + ".data") > 4 * 4 * 400);
  const auto blocked = path.string() + ".unfinished-" + std::to_string(::getpid());
  std::filesystem::create_directories(blocked);
  CATCH_CHECK_THROWS_AS(export_onnx(model, torch::randn({3, 4}), path, {.weights_beside = true}),
                        ResourceError);
  CATCH_CHECK_FALSE(std::filesystem::exists(path));
  std::filesystem::remove(blocked);
  export_onnx(model, torch::randn({3, 4}), path, {.weights_beside = true});
  CATCH_CHECK(std::filesystem::exists(path));
}
