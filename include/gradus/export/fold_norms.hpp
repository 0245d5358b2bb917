/// Batch norms behind convolutions, as part of these.
#pragma once

#include <gradus/export/onnx_file.hpp>

#include <ATen/TensorOperators.h>
#include <ATen/ops/rsqrt.h>
#include <ATen/ops/zeros.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <variant>
#include <vector>

namespace gradus::detail {

/// What reads and holds the values of a graph.
class OnnxUses {
 public:
  explicit OnnxUses(OnnxGraph& graph) : graph_(graph) {
    for (const auto& node : graph.nodes) {
      for (const auto& input : node.inputs) ++reads_[input];
    }
    for (const auto& output : graph.outputs) ++reads_[output.name];
    for (std::size_t i = 0; i < graph.constants.size(); ++i) places_[graph.constants[i].name] = i;
  }
  [[nodiscard]] bool is_read_once(const std::string& name) const { return reads_.at(name) == 1; }
  /// Null where it is no constant.
  [[nodiscard]] at::Tensor* constant(const std::string& name) const {
    const auto found = places_.find(name);
    return found == places_.end() ? nullptr : &graph_.constants[found->second].tensor;
  }

 private:
  OnnxGraph& graph_;
  std::map<std::string, int> reads_;
  std::map<std::string, std::size_t> places_;
};

/// Drops constants that no node reads.
inline void drop_unread_constants(OnnxGraph& graph) {
  std::set<std::string> read;
  for (const auto& node : graph.nodes) read.insert(node.inputs.begin(), node.inputs.end());
  std::erase_if(graph.constants, [&](const NamedTensor& one) { return !read.contains(one.name); });
}

/// Where a norm alone reads what a convolution makes, the weights of the convolution do both.
/// Weights that are shared stay as they are.
inline void fold_norms(OnnxGraph& graph) {
  const OnnxUses uses(graph);
  std::map<std::string, OnnxNode*> makers;
  for (auto& node : graph.nodes) makers[node.outputs.front()] = &node;
  const auto is_constant = [&](const std::string& name) { return uses.constant(name) != nullptr; };
  std::vector<NamedTensor> biases;
  std::set<const OnnxNode*> folded;
  for (auto& norm : graph.nodes) {
    if (norm.op != "BatchNormalization") continue;
    const auto made = makers.find(norm.inputs[0]);
    if (made == makers.end() || made->second->op != "Conv") continue;
    auto& convolution = *made->second;
    auto* weight = uses.constant(convolution.inputs[1]);
    if (weight == nullptr || !uses.is_read_once(norm.inputs[0]) ||
        !uses.is_read_once(convolution.inputs[1])) {
      continue;
    }
    const bool all = std::ranges::all_of(norm.inputs.begin() + 1, norm.inputs.end(), is_constant) &&
                     (convolution.inputs.size() < 3 || is_constant(convolution.inputs[2]));
    if (!all) continue;
    const auto of_norm = [&](std::size_t place) {
      return uses.constant(norm.inputs[place])->to(at::kDouble);
    };
    const double epsilon = std::get<double>(norm.attributes.front().second);
    const auto scale = of_norm(1) * (of_norm(4) + epsilon).rsqrt();
    auto bias = of_norm(2) - of_norm(3) * scale;
    if (convolution.inputs.size() > 2) {
      bias = bias + uses.constant(convolution.inputs[2])->to(at::kDouble) * scale;
      convolution.inputs.pop_back();
    }
    std::vector<std::int64_t> along(static_cast<std::size_t>(weight->dim()), 1);
    along.front() = -1;
    const auto type = weight->scalar_type();
    *weight = (weight->to(at::kDouble) * scale.view(along)).to(type);
    const auto name = convolution.inputs[1] + ".folded_bias";
    biases.push_back({name, bias.to(type)});
    convolution.inputs.push_back(name);
    convolution.outputs = norm.outputs;
    folded.insert(&norm);
  }
  graph.constants.insert(graph.constants.end(), biases.begin(), biases.end());
  std::vector<OnnxNode> nodes;
  for (auto& node : graph.nodes) {
    if (!folded.contains(&node)) nodes.push_back(std::move(node));
  }
  graph.nodes = std::move(nodes);
  drop_unread_constants(graph);
}

}  // namespace gradus::detail
