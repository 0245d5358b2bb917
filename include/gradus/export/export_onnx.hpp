/// A trained model as a file that other programs run: ONNX.
#pragma once

#include <gradus/checkpoint/weights.hpp>
#include <gradus/core/parameters.hpp>
#include <gradus/error.hpp>
#include <gradus/export/fold_norms.hpp>
#include <gradus/export/onnx_builder.hpp>
#include <gradus/export/onnx_call.hpp>
#include <gradus/export/onnx_file.hpp>
#include <gradus/export/onnx_rows.hpp>
#include <gradus/export/operator_trace.hpp>
#include <gradus/export/plain_model.hpp>

#include <ATen/ops/cat.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <iterator>
#include <map>
#include <set>
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

/// Two passes over different samples, of which one has one more: what is the same in both does not
/// depend on the input.
class TwoPasses {
 public:
  template <class Forward>
  TwoPasses(const Forward& forward, const std::vector<at::Tensor>& inputs)
      : samples_{inputs.front().size(0), inputs.front().size(0) + 1},
        other_inputs_(others(inputs)),
        one_(inputs, [&] { return forward(inputs); }),
        other_(other_inputs_, [&] { return forward(other_inputs_); }) {}

  /// Throws ConfigurationError for what cannot be written.
  [[nodiscard]] OnnxGraph graph(const std::vector<NamedTensor>& state) {
    OnnxBuilder builder(one_, other_, samples_, state);
    const auto& inputs = one_.inputs();
    for (std::size_t i = 0; i < inputs.size(); ++i) {
      builder.add_input(inputs[i], inputs.size() == 1 ? "input" : "input" + std::to_string(i + 1));
    }
    for (std::size_t i = 0; i < one_.calls().size(); ++i) write(builder, i);
    if (one_.calls().size() != other_.calls().size()) refuse_other_way(builder, "");
    const auto& outputs = one_.outputs();
    for (std::size_t i = 0; i < outputs.size(); ++i) {
      builder.add_output(checked(builder, outputs[i]),
                         outputs.size() == 1 ? "output" : "output" + std::to_string(i + 1));
    }
    auto graph = std::move(builder.graph());
    drop_unread_nodes(graph);
    return graph;
  }

 private:
  /// The samples the other way round, and one of them twice.
  static std::vector<at::Tensor> others(const std::vector<at::Tensor>& inputs) {
    std::vector<at::Tensor> list;
    for (const auto& input : inputs) {
      if (input.size(0) != inputs.front().size(0)) {
        throw ConfigurationError(
            "the inputs to export with have " + std::to_string(inputs.front().size(0)) + " and " +
            std::to_string(input.size(0)) + " samples; give each the same number.");
      }
      list.push_back(at::cat({input.flip(0), input.narrow(0, 0, 1)}));
    }
    return list;
  }

  [[noreturn]] static void refuse_other_way(const OnnxBuilder& builder, const std::string& what) {
    builder.refuse("it calls other operators for other inputs" + what,
                   "let no branch or loop depend on values or on the number of samples");
  }

  void write(OnnxBuilder& builder, std::size_t place) {
    const auto& call = one_.calls()[place];
    if (place >= other_.calls().size()) refuse_other_way(builder, " (" + call.name + ")");
    const auto& other = other_.calls()[place];
    if (call.name != other.name || call.results != other.results) {
      refuse_other_way(builder, " (" + call.name + ", " + other.name + ")");
    }
    bool varies = false, is_of_model = false;
    for (std::size_t i = 0; i < call.arguments.size(); ++i) {
      const auto& tensors = call.arguments[i].tensors;
      if (tensors != other.arguments[i].tensors) refuse_other_way(builder, " (" + call.name + ")");
      for (const auto number : tensors) {
        if (number == TracedArgument::none) continue;
        const bool is_constant = builder.is_constant(checked(builder, number));
        varies = varies || !is_constant;
        is_of_model = is_of_model || builder.is_of_model(number);
      }
    }
    for (const auto number : call.results) {
      const auto sides = [&](const OperatorTrace& of) { return of.tensors()[number].sizes.size(); };
      if (sides(one_) != sides(other_)) refuse_other_way(builder, " (" + call.name + ")");
      varies = varies || !is_same(number);
    }
    const auto op = OnnxCall::op_of(call.name);
    if (varies && call.results.empty() && call.returns) {  // as `item` and `equal` do
      builder.refuse("it reads a value (" + op + ")", "keep it a tensor");
    }
    const auto* row = onnx_row(op);
    // What is made of parameters alone keeps their names, where it can be written.
    if (is_of_model && row != nullptr) varies = true;
    if (!varies || call.results.empty() || is_passed_on(call)) return;
    OnnxCall seen(builder, call, other);
    if (row == nullptr) seen.refuse("is not supported");
    if (seen.overload().ends_with("out")) seen.refuse("writes to a tensor that it is given");
    (*row)(seen);
  }

  /// Whether the result is what the call was given, as of `contiguous` where nothing is to be done.
  static bool is_passed_on(const TracedCall& call) {
    return call.results.size() == 1 && !call.arguments.empty() &&
           call.arguments[0].tensors == call.results;
  }

  /// Refuses a value that no operator has made, or that was written behind its back.
  std::size_t checked(const OnnxBuilder& builder, std::size_t number) const {
    const auto& tensor = one_.tensors()[number];
    if (tensor.is_stale) {
      builder.refuse("a tensor is read whose memory was written by way of another one",
                     "write to a copy");
    }
    if (!tensor.maker && builder.is_constant(number) && !is_same(number)) {
      builder.refuse("a tensor depends on the input, but no operator of LibTorch has made it",
                     "use such operators, or register your own with the dispatcher");
    }
    return number;
  }

  [[nodiscard]] bool is_same(std::size_t number) const {
    if (number >= other_.tensors().size()) return false;
    const auto &one = one_.tensors()[number].tensor, &other = other_.tensors()[number].tensor;
    return one.sizes() == other.sizes() && one.scalar_type() == other.scalar_type() &&
           one.equal(other);
  }

  /// What leads to no output.
  static void drop_unread_nodes(OnnxGraph& graph) {
    std::set<std::string> read;
    for (const auto& output : graph.outputs) read.insert(output.name);
    std::vector<OnnxNode> kept;
    for (auto node = graph.nodes.rbegin(); node != graph.nodes.rend(); ++node) {
      const bool is_read = std::ranges::any_of(
          node->outputs, [&](const std::string& output) { return read.contains(output); });
      if (!is_read) continue;
      read.insert(node->inputs.begin(), node->inputs.end());
      kept.push_back(std::move(*node));
    }
    graph.nodes.assign(std::make_move_iterator(kept.rbegin()),
                       std::make_move_iterator(kept.rend()));
    drop_unread_constants(graph);
  }

  Extent samples_;
  std::vector<at::Tensor> other_inputs_;
  OperatorTrace one_, other_;
};

}  // namespace detail

/// Writes `model` as ONNX (opset 20) to `path`: the operators of one pass in evaluation mode, with
/// the names of the parameters. `inputs`, a tensor [N, ...] or a tuple of them, are an example of
/// what `forward` takes; the number of samples is free in the file, all other sizes are those of
/// the example. Weights are those that the model has: for averages keep `evaluation_weights()` of
/// the trainer alive. The model is as it was when this returns.
///
/// Throws ConfigurationError for an operator without a row (`onnx_operator` adds one), a way that
/// depends on values, and a size that follows the number of samples otherwise than by a factor,
/// each with operator and module; ResourceError where the file cannot be written.
template <class Model, class Inputs>
void export_onnx(Model& model, const Inputs& inputs, const std::filesystem::path& path,
                 const OnnxPlan& plan = {}) {
  auto& module = detail::module_of(model);
  const detail::PlainModel plain(module);
  std::vector<at::Tensor> tensors;
  detail::add_tensors(tensors, inputs);
  for (auto& tensor : tensors) tensor = tensor.detach().cpu().contiguous().clone();
  if (tensors.empty() || tensors.front().dim() == 0 || tensors.front().size(0) == 0) {
    throw ConfigurationError("the example to export with has no sample; give it one at least.");
  }
  // Of one sample alone a size of 1 could be anything.
  for (auto& tensor : tensors) {
    if (tensor.size(0) == 1) tensor = at::cat({tensor, tensor});
  }
  const auto forward = [&](const std::vector<at::Tensor>& given) {
    constexpr auto count = detail::tensor_count<Inputs>;
    return [&]<std::size_t... I>(std::index_sequence<I...>) {
      std::vector<at::Tensor> outputs;
      detail::add_tensors(outputs, module.forward(given[I]...));
      return outputs;
    }(std::make_index_sequence<count>());
  };
  auto graph = detail::TwoPasses(forward, tensors).graph(named_state(module));
  if (plan.fold_norms) detail::fold_norms(graph);
  graph.metadata = plan.metadata;
  write_onnx(std::move(graph), path, plan.weights_beside);
}

}  // namespace gradus
