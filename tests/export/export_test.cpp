// Models as ONNX: what is written is run by onnxruntime in run_models.py, here is what cannot be
// written, and what the file says.
#include "../catch.hpp"
#include "../folder.hpp"
#include "models.hpp"
#include "refused.hpp"
#include <gradus/policy/averaging/ema.hpp>
#include <gradus/policy/sharing/share_early_layer.hpp>
#include <gradus/train/trainer.hpp>

#include <nlohmann/json.hpp>

#include <array>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <string>
#include <tuple>
#include <vector>

using namespace gradus;
using namespace gradus::test;
using Catch::Matchers::ContainsSubstring;
using nlohmann::json;

namespace {

json written(const at::Tensor& tensor, const std::string& name) {
  const auto values = tensor.detach().cpu().contiguous();
  std::ofstream file(out / name, std::ios::binary);
  file.write(static_cast<const char*>(values.const_data_ptr()),
             static_cast<std::streamsize>(values.nbytes()));
  return {{"file", name},
          {"type", values.scalar_type() == at::kLong ? "<i8" : "<f4"},
          {"sizes", values.sizes().vec()}};
}

void add_tensors_to(std::vector<at::Tensor>& list, const at::Tensor& tensor) {
  list.push_back(tensor);
}
template <class... Ts>
void add_tensors_to(std::vector<at::Tensor>& list, const std::tuple<Ts...>& tensors) {
  std::apply([&](const auto&... one) { (list.push_back(one), ...); }, tensors);
}

/// Of the batches that onnxruntime will be given; without it nobody reads them.
#ifdef GRADUS_RUNS_ONNX
constexpr std::array<std::int64_t, 3> batch_sizes{1, 7, 256};
#else
constexpr std::array<std::int64_t, 0> batch_sizes{};
#endif

/// Exports, and writes down what LibTorch gives for these batches. `input(N)` is a tensor or a
/// tuple of them.
template <class Model, class Input>
void exported(const std::string& name, Model& model, const Input& input,
              const OnnxPlan& plan = {}) {
  std::filesystem::create_directories(out);
  export_onnx(model, input(2), out / (name + ".onnx"), plan);
  json described{{"parameters", json::array()},
                 {"folded", plan.fold_norms},
                 {"metadata", plan.metadata},
                 {"batches", json::array()}};
  for (const auto& parameter : unique_parameters(*model))
    described["parameters"].push_back(parameter.name);
  const EvaluationMode evaluation(*model);
  const at::NoGradGuard no_grad;
  for (const auto samples : batch_sizes) {
    const auto given = input(samples);
    json batch{{"inputs", json::array()}, {"outputs", json::array()}};
    std::vector<at::Tensor> inputs, outputs;
    add_tensors_to(inputs, given);
    for (auto& one : inputs) one = one.clone();  // a model may write to what it is given
    std::apply([&](const auto&... one) { add_tensors_to(outputs, model->forward(one...)); },
               std::tuple(given));
    const auto file = name + "." + std::to_string(samples);
    for (const auto& one : inputs)
      batch["inputs"].push_back(
          written(one, file + ".in" + std::to_string(batch["inputs"].size())));
    for (const auto& one : outputs)
      batch["outputs"].push_back(
          written(one, file + ".out" + std::to_string(batch["outputs"].size())));
    described["batches"].push_back(std::move(batch));
  }
  std::ofstream(out / (name + ".json")) << described;
}

auto images(std::int64_t side) {
  return [side](std::int64_t samples) { return torch::randn({samples, 3, side, side}); };
}

/// Statistics of batch norms that differ from 0 and 1.
template <class Model>
void look_at_some(Model& model, const at::Tensor& some) {
  const at::NoGradGuard no_grad;
  model->train();
  for (int i = 0; i < 3; ++i) model->forward(some);
}

struct Squares {
  std::int64_t size_ = 12;
  [[nodiscard]] std::int64_t size() const { return size_; }
  [[nodiscard]] Batch batch(std::span<const std::int64_t> indices) const {
    const auto count = static_cast<std::int64_t>(indices.size());
    return {at::full({count, 3, 32, 32}, static_cast<double>(indices[0]) / 12),
            at::zeros({count}, at::kLong)};
  }
};

}  // namespace

CATCH_TEST_CASE("every shipped model, and layers that they do not have, are written") {
  torch::manual_seed(0);
  ResNet10 small(ResNet10Options{.width = 8});
  look_at_some(small, torch::randn({16, 3, 32, 32}));
  small->to(at::kFloat);
  for (auto& parameter : small->parameters()) {  // as a trainer with ChannelsLast has them
    if (parameter.dim() == 4)
      parameter.set_data(parameter.contiguous(at::MemoryFormat::ChannelsLast));
  }
  exported("resnet10", small, images(32),
           {.metadata = {{"who", "a test"}, {"what", "{\"a\": 1}"}}});
  CATCH_CHECK(small->is_training());
  CATCH_CHECK(small->parameters()[0].is_contiguous(at::MemoryFormat::ChannelsLast));
  exported("resnet10_folded", small, images(32), {.fold_norms = true});
  exported("resnet10_beside", small, images(32), {.weights_beside = true});
  CATCH_CHECK(std::filesystem::file_size(out / "resnet10_beside.onnx") < 40'000);
  auto deep = resnet18();
  look_at_some(deep, torch::randn({4, 3, 32, 32}));
  exported("resnet18", deep, images(32));
  exported("resnet18_folded", deep, images(32), {.fold_norms = true});
  auto bottlenecks = resnet50();
  exported("resnet50", bottlenecks, images(32));
  Gpt gpt(GptOptions{.vocabulary = 20, .context = 16, .layers = 2, .heads = 2, .channels = 16});
  exported("gpt", gpt,
           [](std::int64_t samples) { return torch::randint(0, 20, {samples, 12}, torch::kLong); });
  Layers layers;
  exported("layers", layers, images(16));
  Tokens tokens;
  exported("tokens", tokens, [](std::int64_t samples) { return torch::randn({samples, 7, 8}); });
  Corners corners;
  exported("corners", corners, [](std::int64_t samples) { return torch::randn({samples, 6}); });
  Windows windows;
  exported("windows", windows,
           [](std::int64_t samples) { return torch::randn({samples, 2, 9, 9}); });
  Masked masked;
  exported("masked", masked, [](std::int64_t samples) { return torch::randn({samples, 2, 4, 8}); });
  SidesLast sides_last;
  look_at_some(sides_last, torch::randn({16, 32, 32, 3}));
  exported("sides_last", sides_last,
           [](std::int64_t samples) { return torch::randn({samples, 32, 32, 3}); });
  Flags flags;
  exported("flags", flags, [](std::int64_t samples) { return torch::randn({samples, 4}); });
  Padded padded;
  exported("padded", padded, images(8));
  FirstPass first_pass;
  exported("first_pass", first_pass,
           [](std::int64_t samples) { return torch::randn({samples, 4}); });
  Pair pair;
  exported("pair", pair, [](std::int64_t samples) {
    return std::tuple(torch::randn({samples, 4}),
                      torch::randint(0, 10, {samples, 3}, torch::kLong));
  });
}

CATCH_TEST_CASE("what is evaluated is written: averages, and a weight that is shared") {
  torch::manual_seed(0);
  using T = Trainer<ResNet10, Preset<Plain{.batch_size = 4}>, Preset<SGD{.lr = 0.1}>,
                    Preset<EMA{.decay = 0.5}>, ShareEarlyLayer>;
  T trainer(ResNet10(ResNet10Options{.width = 8}), {.epochs = 2, .device = at::kCPU});
  trainer.fit(Squares());
  {
    const auto evaluated = trainer.evaluation_weights();
    exported("averaged", trainer.model(), images(32));
  }
  const auto text = gradus::test::text_of(out / "averaged.onnx");
  exported("trained", trainer.model(), images(32));
  CATCH_CHECK(gradus::test::text_of(out / "trained.onnx") != text);
}

CATCH_TEST_CASE("what cannot be written is refused, with operator and module") {
  check_refused("aten::fft_fft is not supported, in module 'layer' or after it",
                [](auto& of, const at::Tensor& x) { return at::abs(at::fft_fft(of.layer(x))); });
  check_refused("it reads a value", [](auto& of, const at::Tensor& x) {
    return of.layer(x).sum().template item<float>() > 1e9 ? x : of.layer(x);
  });
  check_refused("it calls other operators for other inputs", [](auto& of, const at::Tensor& x) {
    auto y = x;
    for (std::int64_t i = 0; i < x.size(0); ++i) y = of.layer(y);
    return y;
  });
  check_refused("a size is 3 for 4 samples and 4 for 5", [](auto& of, const at::Tensor& x) {
    return of.layer(x) + at::ones({x.size(0) - 1, 1}).sum();
  });
  check_refused(
      "has a number that follows the number of samples",
      [](auto& of, const at::Tensor& x) { return of.layer(x).narrow(0, 0, x.size(0) - 1); });
  check_refused("memory was written by way of another one", [](auto& of, const at::Tensor& x) {
    auto y = of.layer(x);
    y.select(1, 0).zero_();
    return y;
  });
  check_refused("no operator of LibTorch has made it", [](auto& of, const at::Tensor& x) {
    auto sums = std::vector<float>(static_cast<std::size_t>(x.size(0)));
    for (std::size_t i = 0; i < sums.size(); ++i) sums[i] = x.const_data_ptr<float>()[4 * i];
    const auto column =
        at::from_blob(sums.data(), {x.size(0), 1}, at::kFloat).set_requires_grad(false);
    return of.layer(x) + column;
  });
  check_refused("aten::div has a number that follows the number of samples",
                [](auto& of, const at::Tensor& x) { return of.layer(x) / x.size(0); });
  check_refused("has no batch dimension",
                [](auto&, const at::Tensor& x) { return at::max_pool2d(x.view({-1, 2, 2}), 2); });
  check_refused("aten::elu has a scale",
                [](auto&, const at::Tensor& x) { return at::elu(x, 1, 2); });
  check_refused("reads the bits",
                [](auto&, const at::Tensor& x) { return x.view(at::kInt).to(at::kFloat); });
  check_refused("it reads a value (aten::equal)", [](auto& of, const at::Tensor& x) {
    return at::equal(x, x + 1) ? x : of.layer(x);
  });
  check_refused("aten::rand_like",
                [](auto& of, const at::Tensor& x) { return of.layer(x) + at::rand_like(x); });
  check_refused("is in training mode", [](auto&, const at::Tensor& x) {
    return at::batch_norm(x, {}, {}, {}, {}, true, 0.1, 1e-5, false);
  });
  auto model = std::make_shared<LayersImpl>();
  CATCH_CHECK_THROWS_WITH(export_onnx(model, torch::randn({0, 3, 16, 16}), out / "refused.onnx"),
                          ContainsSubstring("no sample"));
  CATCH_CHECK_THROWS_AS(export_onnx(model, torch::randn({2, 3, 16, 16}), "/proc/no.onnx"),
                        ResourceError);
}

CATCH_TEST_CASE("buffers are as they were after an export, but for what the first pass fills") {
  FirstPass model;
  export_onnx(model, torch::randn({2, 4}), out.parent_path() / "counted.onnx");
  CATCH_CHECK_FALSE(model->seen.any().item<bool>());
  CATCH_CHECK(torch::equal(model->table, torch::linspace(1, 2, 4)));
}

CATCH_TEST_CASE("an operator of one's own has a row of one's own") {
  auto model = std::make_shared<
      OfImpl<decltype([](auto& of, const at::Tensor& x) { return at::cosh(of.layer(x)); })>>();
  CATCH_CHECK_THROWS_WITH(export_onnx(model, torch::randn({3, 4}), out / "own.onnx"),
                          ContainsSubstring("aten::cosh is not supported"));
  onnx_operator("aten::cosh", [](OnnxCall& call) { call.give("Cosh", {call.value(0)}); });
  exported("own", model, [](std::int64_t samples) { return torch::randn({samples, 4}); });
}
