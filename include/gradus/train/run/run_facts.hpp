/// What processes that share a run must have alike, a line each.
#pragma once

#include <gradus/core/parameters.hpp>
#include <gradus/settings/dump.hpp>

#include <nlohmann/json.hpp>

#include <c10/util/StringUtil.h>
#include <torch/nn/module.h>

#include <algorithm>
#include <string>
#include <vector>

namespace gradus {

/// "optimizer.lr" of "/optimizer/lr", as JSON names what lies in a whole that it has flattened.
[[nodiscard]] inline std::string dotted(std::string pointer) {
  std::ranges::replace(pointer, '/', '.');
  return pointer.substr(1);
}

/// "optimizer.lr: 0.1", one for each number in `json`.
inline void add_facts(std::vector<std::string>& facts, const nlohmann::ordered_json& json) {
  const auto flat = json.flatten();
  for (const auto& [pointer, value] : flat.items()) {
    facts.push_back(dotted(pointer) + ": " + dump(value));
  }
}

/// The form of each parameter and buffer.
inline void add_facts(std::vector<std::string>& facts, const std::vector<NamedTensor>& parameters,
                      const torch::nn::Module& model) {
  const auto form = [](const at::Tensor& tensor) {
    return c10::str(tensor.scalar_type(), " ", tensor.sizes());
  };
  for (const auto& [name, tensor] : parameters) {
    facts.push_back("parameter '" + name + "': " + form(tensor) +
                    (tensor.requires_grad() ? "" : ", frozen"));
  }
  for (const auto& [name, tensor] : unique_buffers(model)) {
    facts.push_back("buffer '" + name + "': " + form(tensor));
  }
}

}  // namespace gradus
