/// A trained model as a file that other programs run: ONNX.
#pragma once

#include <gradus/checkpoint/weights.hpp>
#include <gradus/error.hpp>
#include <gradus/export/fold_norms.hpp>
#include <gradus/export/onnx_file.hpp>
#include <gradus/export/plain_model.hpp>
#include <gradus/export/traced_call.hpp>
#include <gradus/export/two_passes.hpp>

#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/cat.h>

#include <algorithm>
#include <cstddef>
#include <filesystem>
#include <map>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

namespace gradus {

/// How a model is written.
struct OnnxPlan {
  bool fold_norms = false;      ///< batch norms become part of the convolutions before them
  bool weights_beside = false;  ///< in a second file, `path` + ".data"; over 1.9 GB they always are
  std::map<std::string, std::string> metadata{};  ///< goes into the file as it is
};

namespace detail {

inline void add_tensors(std::vector<at::Tensor>& list, const at::Tensor& tensor) {
  list.push_back(tensor);
}
template <class... Ts>
void add_tensors(std::vector<at::Tensor>& list, const std::tuple<Ts...>& tensors) {
  std::apply([&](const auto&... one) { (add_tensors(list, one), ...); }, tensors);
}
inline void add_tensors(std::vector<at::Tensor>& list, const std::vector<at::Tensor>& tensors) {
  list.insert(list.end(), tensors.begin(), tensors.end());
}

/// Throws ConfigurationError unless all have one number of samples, above 0.
inline void check_samples(const std::vector<at::Tensor>& inputs) {
  if (inputs.empty() || std::ranges::any_of(inputs, [](const at::Tensor& input) {
        return input.dim() == 0 || input.size(0) == 0;
      })) {
    throw ConfigurationError("the example to export with has no sample; give it one at least.");
  }
  for (const auto& input : inputs) {
    if (input.size(0) == inputs.front().size(0)) continue;
    throw ConfigurationError(
        "the inputs to export with have " + std::to_string(inputs.front().size(0)) + " and " +
        std::to_string(input.size(0)) + " samples; give each the same number.");
  }
}

inline std::vector<at::Tensor> copies(std::vector<at::Tensor> tensors) {
  for (auto& tensor : tensors) tensor = tensor.clone();
  return tensors;
}

/// With the last sample once more.
inline std::vector<at::Tensor> one_more(const std::vector<at::Tensor>& inputs) {
  std::vector<at::Tensor> list;
  for (const auto& input : inputs) {
    list.push_back(at::cat({input, input.narrow(0, input.size(0) - 1, 1)}));
  }
  return list;
}

/// Three more samples, and other values: all are the last one, with its fractions changed.
inline std::vector<at::Tensor> other_values(const std::vector<at::Tensor>& inputs) {
  std::vector<at::Tensor> list;
  for (const auto& input : inputs) {
    const auto samples = static_cast<std::size_t>(input.size(0));
    auto last = input.narrow(0, input.size(0) - 1, 1);
    if (last.is_floating_point()) last = last * 0.75 + 0.125;
    list.push_back(at::cat(std::vector<at::Tensor>(samples + 3, last)));
  }
  return list;
}

/// Refuses a graph that is another one for other values of the input.
inline void check_same(const OnnxGraph& one, const OnnxGraph& other) {
  const auto refuse = [](const std::string& what) {
    throw ConfigurationError(
        "the model cannot be exported: " + what +
        " depends on values of the input, but no operator of LibTorch has made it of them; use "
        "such operators, or register your own with the dispatcher.");
  };
  for (std::size_t i = 0; i < one.nodes.size() && i < other.nodes.size(); ++i) {
    if (onnx_node(one.nodes[i]).bytes() != onnx_node(other.nodes[i]).bytes()) {
      refuse("node '" + one.nodes[i].name + "' of the graph");
    }
  }
  for (std::size_t i = 0; i < one.constants.size() && i < other.constants.size(); ++i) {
    const auto& constant = one.constants[i];
    const auto& again = other.constants[i];
    if (constant.name == again.name &&
        fingerprint_of_values(constant.tensor) == fingerprint_of_values(again.tensor)) {
      continue;
    }
    const auto reader = std::ranges::find_if(one.nodes, [&](const OnnxNode& node) {
      return std::ranges::find(node.inputs, constant.name) != node.inputs.end();
    });
    refuse("a constant" +
           (reader == one.nodes.end() ? "" : " of node '" + reader->name + "' of the graph"));
  }
  if (one.nodes.size() != other.nodes.size() || one.constants.size() != other.constants.size()) {
    refuse("the graph");
  }
}

}  // namespace detail

/// Writes `model` as ONNX (opset 20) to `path`: the operators of one pass in evaluation mode, with
/// the names of the parameters. `inputs`, a tensor [N, ...] or a tuple of them, are an example of
/// what `forward` takes; the number of samples is free in the file, all other sizes are those of
/// the example. Weights are those that the model has: for averages keep `evaluation_weights()` of
/// the trainer alive. Parameters and buffers are as they were when this returns, but for those that
/// the model fills at its first pass alone: they stay filled. The model runs six times, with up to
/// four samples more than the example has, and has a second copy of its parameters meanwhile.
///
/// Throws ConfigurationError for an operator without a row (`onnx_operator` adds one), a way that
/// depends on values, values that no recorded operator explains, and a size that follows the number
/// of samples otherwise than by a factor, with the operator and the module, the output, or the node
/// of the graph; likewise for inputs without samples, or with different numbers of them.
/// ResourceError where the file cannot be written.
template <class Model, class Inputs>
void export_onnx(Model& model, const Inputs& inputs, const std::filesystem::path& path,
                 const OnnxPlan& plan = {}) {
  auto& module = detail::module_of(model);
  detail::PlainModel plain(module);
  std::vector<at::Tensor> tensors;
  detail::add_tensors(tensors, inputs);
  for (auto& tensor : tensors) tensor = tensor.detach().cpu().contiguous().clone();
  detail::check_samples(tensors);
  // Of one sample alone a size of 1 could be anything.
  for (auto& tensor : tensors) {
    if (tensor.size(0) == 1) tensor = at::cat({tensor, tensor});
  }
  const auto forward = [&](const std::vector<at::Tensor>& given) {
    plain.reset();
    constexpr auto count = detail::tensor_count<Inputs>;
    return [&]<std::size_t... I>(std::index_sequence<I...>) {
      std::vector<at::Tensor> outputs;
      detail::add_tensors(outputs, module.forward(given[I]...));
      return outputs;
    }(std::make_index_sequence<count>());
  };
  const auto graph_of = [&](const std::vector<at::Tensor>& inputs_of) {
    return detail::TwoPasses(forward, inputs_of).graph(named_state(module));
  };
  {  // what a model makes at its first pass, and keeps
    const at::NoGradGuard no_grad;
    plain.keep_first([&] { static_cast<void>(forward(detail::copies(tensors))); });
  }
  // Each recorded pass has more samples than those before: what is kept for one number of samples
  // is made in each.
  auto graph = graph_of(detail::one_more(tensors));
  detail::check_same(graph, graph_of(detail::other_values(tensors)));
  if (plan.fold_norms) detail::fold_norms(graph);
  graph.metadata = plan.metadata;
  write_onnx(std::move(graph), path, plan.weights_beside);
}

}  // namespace gradus
