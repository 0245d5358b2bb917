/// What kernels a run has chosen, for its config.json.
#pragma once

#include <gradus/core/kernel_choice.hpp>

#include <nlohmann/json.hpp>

#include <utility>
#include <vector>

namespace cifar10 {

/// [{"operation", "way", "milliseconds": {way: time}}]; times only where ways were measured.
inline nlohmann::ordered_json as_json(const std::vector<gradus::KernelChoice>& choices) {
  auto list = nlohmann::ordered_json::array();
  for (const auto& choice : choices) {
    auto milliseconds = nlohmann::ordered_json::object();
    for (const auto& tried : choice.tried) milliseconds[tried.way] = tried.milliseconds;
    list.push_back({{"operation", choice.operation},
                    {"way", choice.way},
                    {"milliseconds", std::move(milliseconds)}});
  }
  return list;
}

}  // namespace cifar10
