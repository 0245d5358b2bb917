// Models have the names of torchvision's and nanoGPT's, and give the same outputs with the same
// weights (make_models.py).
#include "../catch.hpp"
#include "../folder.hpp"
#include <gradus/checkpoint/weights.hpp>
#include <gradus/model/gpt.hpp>
#include <gradus/model/resnet.hpp>

#include <nlohmann/json.hpp>

#include <cmath>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

using namespace gradus;

namespace {

at::Tensor waves(std::int64_t count, double shift) {
  return (torch::arange(count, torch::kDouble) * 0.37 + shift).sin();
}

/// Each tensor by its place among the sorted names.
void fill(torch::nn::Module& model, const nlohmann::json& shapes) {
  std::map<std::string, at::Tensor> state;
  for (const auto& [name, tensor] : named_state(model)) {
    if (!name.ends_with("num_batches_tracked")) state[name] = tensor;
  }
  CATCH_CHECK(state.size() == shapes.size());
  const at::NoGradGuard no_grad;
  double place = 0;
  for (auto& [name, tensor] : state) {
    CATCH_INFO(name);
    CATCH_REQUIRE(shapes.contains(name));
    CATCH_REQUIRE(tensor.sizes().vec() == shapes.at(name).get<std::vector<std::int64_t>>());
    auto values = waves(tensor.numel(), place++);
    if (tensor.dim() > 1) {
      values *=
          std::sqrt(static_cast<double>(tensor.size(0)) / static_cast<double>(tensor.numel()));
    } else if (name.ends_with("running_var") || name.ends_with(".weight")) {
      values = 1 + values / 4;
    } else {
      values = values / 10;
    }
    tensor.copy_(values.reshape(tensor.sizes()));
  }
}

template <class Model>
void check(const std::string& name, Model model, const at::Tensor& given) {
  CATCH_INFO(name);
  const auto all =
      nlohmann::json::parse(test::text_of(std::filesystem::path(GRADUS_PARITY) / "models.json"));
  const auto& found = all.at(name);
  fill(*model, found.at("shapes"));
  model->eval();
  const at::NoGradGuard no_grad;
  const auto expected = torch::tensor(found.at("output").template get<std::vector<double>>());
  const auto check_output = [&](const at::Tensor& output) {
    const auto off = (output.flatten() - expected).abs().max().template item<double>();
    CATCH_CHECK(off < 1e-5 * std::max(1.0, expected.abs().max().template item<double>()));
  };
  check_output(model->forward(given));
  auto copy = std::dynamic_pointer_cast<typename Model::ContainedType>(model->clone());
  CATCH_REQUIRE(copy);
  check_output(copy->forward(given));
}

}  // namespace

CATCH_TEST_CASE("ResNet18, 34 and 50 are torchvision's") {
  const auto images = waves(2 * 3 * 64 * 64, 1).reshape({2, 3, 64, 64}).to(torch::kFloat);
  check("resnet18", resnet18(10), images);
  check("resnet34", resnet34(10), images);
  check("resnet50", resnet50(10), images);
}

CATCH_TEST_CASE("a GPT is nanoGPT's") {
  const auto ids = (torch::arange(20) * 7).remainder(11).reshape({2, 10});
  const Gpt model(
      GptOptions{.vocabulary = 11, .context = 16, .layers = 2, .heads = 2, .channels = 8});
  check("gpt", model, ids);
}

CATCH_TEST_CASE("small images have a stem of their own, and impossible models are refused") {
  auto model = resnet18(10, /*small_images=*/true);
  CATCH_CHECK(model->forward(torch::zeros({2, 3, 32, 32})).sizes() == at::IntArrayRef({2, 10}));
  CATCH_CHECK(model->conv1->weight.sizes() == at::IntArrayRef({64, 3, 3, 3}));
  CATCH_CHECK_THROWS_AS(ResNet(ResNetOptions{.classes = 0}), ConfigurationError);
  CATCH_CHECK_THROWS_AS(Gpt(GptOptions{.heads = 3, .channels = 8}), ConfigurationError);
  Gpt gpt(GptOptions{.vocabulary = 5, .context = 4, .layers = 1, .heads = 1, .channels = 4});
  CATCH_CHECK_THROWS_WITH(gpt->forward(torch::zeros({1, 5}, torch::kLong)),
                          Catch::Matchers::ContainsSubstring("5 tokens, but it sees 4"));
}
