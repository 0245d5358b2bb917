#include "catch.hpp"
#include "folder.hpp"
#include <gradus/checkpoint/weights.hpp>
#include <gradus/model/resnet10.hpp>
#include <gradus/policy/sharing/share_early_layer.hpp>

#include <cstdint>
#include <fstream>
#include <string>
#include <utility>
#include <vector>

using namespace gradus;
using gradus::test::Folder;
using gradus::test::text_of;

namespace {

ResNet10 network(std::uint64_t seed, std::int64_t width = 4) {
  torch::manual_seed(seed);
  return ResNet10(ResNet10Options{.width = width});
}

}  // namespace

CATCH_TEST_CASE("weights come back bit for bit, with their metadata, a shared one saved once") {
  const Folder folder;
  const auto file = folder / "deep" / "model.safetensors";
  auto model = network(1);
  ShareEarlyLayer{}.tie(model);
  save_weights(*model, file, {{"name", "x \"quoted\""}});

  auto copy = network(2);
  ShareEarlyLayer{}.tie(copy);
  const auto loaded = read_safetensors(file);
  CATCH_CHECK(loaded.metadata.at("name") == "x \"quoted\"");
  load_weights(*copy, loaded);
  const auto expected = named_state(*model);
  const auto state = named_state(*copy);
  CATCH_REQUIRE(state.size() == expected.size());
  for (std::size_t i = 0; i < state.size(); ++i) {
    CATCH_CHECK(torch::equal(state[i].tensor, expected[i].tensor));
  }
  CATCH_CHECK(copy->stage1->conv1->weight.is_same(copy->stage1->conv2->weight));
}

CATCH_TEST_CASE("weights of another model are refused and change nothing") {
  const Folder folder;
  const auto file = folder / "model.safetensors";
  save_weights(*network(1), file, {});
  auto wider = network(2, 8);
  const auto before = wider->stem->weight.clone();
  CATCH_CHECK_THROWS_AS(load_weights(*wider, read_safetensors(file)), CheckpointError);
  CATCH_CHECK(torch::equal(wider->stem->weight, before));

  auto shared = network(2);
  ShareEarlyLayer{}.tie(shared);
  CATCH_CHECK_THROWS_AS(load_weights(*shared, read_safetensors(file)), CheckpointError);
}

namespace {

/// Tensors of a file, each with one value.
Safetensors file_of(const std::vector<std::pair<std::string, at::Tensor>>& tensors) {
  Safetensors file;
  for (const auto& [name, tensor] : tensors) file.tensors.push_back({name, tensor});
  return file;
}

struct PartsImpl : torch::nn::Cloneable<PartsImpl> {
  PartsImpl() { reset(); }
  void reset() override {
    body = register_module("body", torch::nn::Linear(2, 3));
    head = register_module("head", torch::nn::Linear(3, 4));
  }
  torch::nn::Linear body{nullptr}, head{nullptr};
};
TORCH_MODULE(Parts);

}  // namespace

CATCH_TEST_CASE(
    "a part of a file goes into a part of a model, and what became of the rest is told") {
  Parts model;
  const auto head = model->head->weight.clone();
  const auto file = file_of({{"net.weight", torch::full({3, 2}, 5.F)},
                             {"net.bias", torch::full({3}, 6.F)},
                             {"net.extra", torch::zeros({1})},
                             {"fc.weight", torch::zeros({9, 3})}});
  const auto report =
      load_weights(*model, file, {.file_prefix = "net.", .model_prefix = "body.", .partial = true});
  CATCH_CHECK(report.taken == std::vector<std::string>{"body.weight", "body.bias"});
  CATCH_CHECK(report.missing.empty());
  CATCH_CHECK(report.left == std::vector<std::string>{"fc.weight", "net.extra"});
  CATCH_CHECK(model->body->weight.equal(torch::full({3, 2}, 5.F)));
  CATCH_CHECK(model->head->weight.equal(head));

  const auto whole =
      load_weights(*model, file_of({{"body.bias", torch::zeros({3})}}), {.partial = true});
  CATCH_CHECK(whole.missing == std::vector<std::string>{"body.weight", "head.weight", "head.bias"});
  CATCH_CHECK(model->body->bias.equal(torch::zeros({3})));
}

CATCH_TEST_CASE("a head of another size names both shapes, and nothing changes") {
  Parts model;
  const auto before = model->body->weight.clone();
  const auto file =
      file_of({{"body.weight", torch::zeros({3, 2})}, {"head.weight", torch::zeros({7, 3})}});
  CATCH_CHECK_THROWS_WITH(
      load_weights(*model, file, {.partial = true}),
      Catch::Matchers::ContainsSubstring(
          "'head.weight' of the checkpoint is Float [7, 3], but the model's is Float [4, 3]"));
  CATCH_CHECK(model->body->weight.equal(before));
  const auto report = load_weights(*model, file, {.skip = {"head."}, .partial = true});
  CATCH_CHECK(report.taken == std::vector<std::string>{"body.weight"});
  CATCH_CHECK(report.left == std::vector<std::string>{"head.weight"});
  CATCH_CHECK_THROWS_WITH(load_weights(*model, file, {.file_prefix = "nett.", .partial = true}),
                          Catch::Matchers::ContainsSubstring("no tensor of the checkpoint"));
}

CATCH_TEST_CASE("other number types are converted when that is asked for") {
  Parts model;
  const auto file = file_of({{"body.bias", torch::tensor({0.5, 1.0, 2.0}, torch::kHalf)}});
  CATCH_CHECK_THROWS_WITH(load_weights(*model, file, {.partial = true}),
                          Catch::Matchers::ContainsSubstring("LoadPlan{.convert = true}"));
  load_weights(*model, file, {.partial = true, .convert = true});
  CATCH_CHECK(model->body->bias.equal(torch::tensor({0.5F, 1.F, 2.F})));
  CATCH_CHECK(model->body->bias.scalar_type() == torch::kFloat);
  const auto whole = file_of({{"body.bias", torch::tensor({1, 2, 3})}});
  CATCH_CHECK_THROWS_AS(load_weights(*model, whole, {.partial = true, .convert = true}),
                        CheckpointError);
}

CATCH_TEST_CASE("a damaged file is refused: cut anywhere in its header, longer, or not there") {
  const Folder folder;
  const auto file = folder / "model.safetensors";
  write_safetensors(file, {{{"a", "b"}}, {{"w", torch::arange(6.0F).reshape({2, 3})}}});
  const auto whole = text_of(file);
  for (std::size_t length = 0; length < whole.size(); ++length) {
    std::ofstream(file, std::ios::binary) << whole.substr(0, length);
    CATCH_REQUIRE_THROWS_AS(read_safetensors(file), CheckpointError);
  }
  std::ofstream(file, std::ios::binary) << whole + "x";
  CATCH_CHECK_THROWS_AS(read_safetensors(file), CheckpointError);
  CATCH_CHECK_THROWS_AS(read_safetensors(folder / "none"), CheckpointError);
}

CATCH_TEST_CASE("a header that lies about shapes, places or types is refused") {
  const Folder folder;
  const auto file = folder / "model.safetensors";
  const auto write = [&](std::string header) {
    header.resize((header.size() + 7) / 8 * 8, ' ');
    const std::uint64_t length = header.size();
    std::ofstream(file, std::ios::binary)
            .write(reinterpret_cast<const char*>(&length), sizeof length)
        << header << std::string(16, '\1');
  };
  const auto refused = [&](const std::string& header) {
    write(header);
    CATCH_INFO(header);
    CATCH_CHECK_THROWS_AS(read_safetensors(file), CheckpointError);
  };
  write(R"({"w":{"dtype":"F32","shape":[4],"data_offsets":[0,16]}})");
  CATCH_CHECK(read_safetensors(file).tensors.size() == 1);
  refused(R"({"w":{"dtype":"F32","shape":[5],"data_offsets":[0,16]}})");
  refused(R"({"w":{"dtype":"F99","shape":[4],"data_offsets":[0,16]}})");
  refused(R"({"w":{"dtype":"F32","shape":[4],"data_offsets":[16,0]}})");
  refused(R"({"w":{"dtype":"F32","shape":[4294967296,4294967296],"data_offsets":[0,16]}})");
  refused(R"({"w":{"dtype":"F32","shape":[-4],"data_offsets":[0,16]}})");
  refused(R"({"w":{"dtype":7,"shape":[4],"data_offsets":[0,16]}})");
  refused(R"({"w":7})");
  refused(R"({"v":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},)"
          R"("w":{"dtype":"F32","shape":[4],"data_offsets":[0,16]}})");
  refused(R"([1, 2])");
}

CATCH_TEST_CASE("a header nested a million deep is refused, not a crash") {
  const Folder folder;
  constexpr std::size_t depth = 1'000'000;
  const auto header = R"({"w":{"dtype":"F32","shape":)" + std::string(depth, '[') +
                      std::string(depth, ']') + R"(,"data_offsets":[0,0]}})";
  const std::uint64_t length = header.size();
  std::ofstream(folder / "deep", std::ios::binary)
      .write(reinterpret_cast<const char*>(&length), sizeof length)
      .write(header.data(), static_cast<std::streamsize>(header.size()));
  CATCH_CHECK_THROWS_AS(read_safetensors(folder / "deep"), CheckpointError);
}
