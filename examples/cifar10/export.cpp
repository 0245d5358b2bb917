#include "commands.hpp"
#include "configuration.hpp"
#include "origin.hpp"
#include "prepare.hpp"
#include <gradus/checkpoint/weights.hpp>
#include <gradus/data/cifar10.hpp>
#include <gradus/onnx.hpp>
#include <gradus/settings/dump.hpp>

#include <nlohmann/json.hpp>

#include <ATen/ops/rand.h>

#include <filesystem>
#include <iostream>
#include <string>
#include <variant>

namespace cifar10 {

using namespace gradus;

void export_checkpoint(Options options) {
  const auto weights = read_safetensors(options.checkpoint);
  const auto& trained = origin(weights, options);
  std::filesystem::path path = options.out;
  if (path.empty()) path = std::filesystem::path(options.checkpoint).replace_extension(".onnx");
  prepare(options, {&trained});
  const auto scale = data::cifar10_normalization();
  const OnnxPlan plan{.fold_norms = options.fold_norms,
                      .weights_beside = options.weights_beside,
                      .metadata = {{"configuration", dump(description_in(weights, options))},
                                   {"input",
                                    "float32 [samples, 3, 32, 32], red, green and blue: "
                                    "(byte / 255 - mean) / deviation"},
                                   {"mean", nlohmann::json(scale.mean).dump()},
                                   {"deviation", nlohmann::json(scale.deviation).dump()},
                                   {"output", "float32 [samples, 10], a score for each class"}}};
  trained.with_evaluated(options, weights, [&](Net& net) {
    std::visit([&](auto& model) { export_onnx(model, at::rand({2, 3, 32, 32}), path, plan); }, net);
  });
  auto bytes = std::filesystem::file_size(path);
  if (options.weights_beside) bytes += std::filesystem::file_size(path.string() + ".data");
  if (options.json) {
    const nlohmann::ordered_json json{{"checkpoint", options.checkpoint.string()},
                                      {"name", trained.name()},
                                      {"width", options.width},
                                      {"file", path.string()},
                                      {"bytes", bytes}};
    std::cout << dump(json, 2) << '\n';
  } else {
    std::cout << trained.name() << ": " << path.string() << ", " << bytes << " bytes\n";
  }
}

}  // namespace cifar10
