// Values that a model keeps from one pass to the next, and how an export's passes leave them.
#include "../catch.hpp"
#include "../folder.hpp"
#include "models.hpp"
#include "refused.hpp"

#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <tuple>

using namespace gradus;
using namespace gradus::test;
using Catch::Matchers::ContainsSubstring;

namespace {

const auto path = out.parent_path() / "kept.onnx";

template <class Model>
void check_exported(Model& model) {
  std::filesystem::create_directories(path.parent_path());
  CATCH_CHECK_NOTHROW(export_onnx(model, torch::randn({3, 4}), path));
}
template <class Forward>
void check_exported_by(Forward) {
  auto model = std::make_shared<OfImpl<Forward>>();
  check_exported(model);
  const at::NoGradGuard no_grad;
  model->forward(torch::randn({5, 4}));
  check_exported(model);
}

/// Keeps a tensor for each number of samples.
struct MasksImpl : torch::nn::Module {
  std::map<std::int64_t, at::Tensor> masks;
  at::Tensor forward(const at::Tensor& x) {
    auto& mask = masks[x.size(0)];
    if (!mask.defined()) mask = torch::zeros({x.size(0), 4});
    return x.relu() + mask;
  }
};
TORCH_MODULE(Masks);

/// Fills its table at the first pass; `adds` to it at each.
struct TableImpl : torch::nn::Module {
  explicit TableImpl(double added = 0) : adds(added) {}
  double adds;
  bool is_filled = false;
  at::Tensor table = register_buffer("table", torch::zeros({4}));
  at::Tensor forward(const at::Tensor& x) {
    if (!is_filled) table.copy_(torch::linspace(3, 4, 4));
    is_filled = true;
    if (adds != 0) table.add_(adds);
    return x + table;
  }
};
TORCH_MODULE(Table);

}  // namespace

CATCH_TEST_CASE("a buffer that the first pass fills is exported filled, and stays filled") {
  std::filesystem::create_directories(path.parent_path());
  const auto wanted = torch::linspace(3, 4, 4);
  const std::string bytes(static_cast<const char*>(wanted.const_data_ptr()), wanted.nbytes());
  Table model;
  for (int i = 0; i < 2; ++i) {
    export_onnx(model, torch::randn({3, 4}), path);
    CATCH_CHECK(text_of(path).find(bytes) != std::string::npos);
    CATCH_CHECK(torch::equal(model->table, wanted));
  }
  Table twice(0.5);
  CATCH_CHECK_THROWS_WITH(export_onnx(twice, torch::randn({3, 4}), path),
                          ContainsSubstring("its first pass leaves other values in 'table'"));
  CATCH_CHECK(torch::equal(twice->table, wanted + 0.5));
  CATCH_CHECK_NOTHROW(export_onnx(twice, torch::randn({3, 4}), path));
  CATCH_CHECK(torch::equal(twice->table, wanted + 0.5));
}

CATCH_TEST_CASE("a tensor that is kept for a number of samples is exported") {
  check_exported_by([](auto& of, const at::Tensor& x) {
    if (!of.kept.defined() || of.kept.size(0) != x.size(0)) of.kept = at::zeros({x.size(0), 4});
    return of.layer(x) + of.kept;
  });
  Masks masks;
  check_exported(masks);
}

CATCH_TEST_CASE("a write of the input's values that no output needs is left out") {
  check_exported_by([](auto& of, const at::Tensor& x) {
    of.layer->bias.fill_(x.mean());
    return at::linear(x, of.layer->weight);
  });
}

CATCH_TEST_CASE("a refusal names the last module that has run") {
  check_refused("aten::fft_fft is not supported, before its first parameter",
                [](auto& of, const at::Tensor& x) { return of.layer(at::abs(at::fft_fft(x))); });
}

CATCH_TEST_CASE("tensors without elements are exported") {
  check_exported_by([](auto& of, const at::Tensor& x) {
    return at::cat({torch::empty({x.size(0), 0}), of.layer(x)}, 1);
  });
  check_exported_by(
      [](auto& of, const at::Tensor& x) { return at::cat({torch::empty({0, 4}), of.layer(x)}); });
}

CATCH_TEST_CASE("inputs with different numbers of samples, and without samples, are refused") {
  Pair pair;
  const auto ids = [](std::int64_t samples) {
    return torch::randint(0, 10, {samples, 3}, torch::kLong);
  };
  CATCH_CHECK_THROWS_WITH(export_onnx(pair, std::tuple(torch::randn({2, 4}), ids(3)), path),
                          ContainsSubstring("have 2 and 3 samples; give each the same number"));
  CATCH_CHECK_THROWS_WITH(export_onnx(pair, std::tuple(torch::randn({2, 4}), ids(0)), path),
                          ContainsSubstring("has no sample"));
  CATCH_CHECK_THROWS_WITH(
      export_onnx(pair, std::tuple(torch::randn({2, 4}), torch::tensor(1)), path),
      ContainsSubstring("has no sample"));
}
