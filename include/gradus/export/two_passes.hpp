/// The graph that two passes of a model over different samples show.
#pragma once

#include <gradus/core/parameters.hpp>
#include <gradus/error.hpp>
#include <gradus/export/fold_norms.hpp>
#include <gradus/export/onnx_builder.hpp>
#include <gradus/export/onnx_call.hpp>
#include <gradus/export/onnx_file.hpp>
#include <gradus/export/onnx_rows.hpp>
#include <gradus/export/operator_trace.hpp>

#include <ATen/ops/cat.h>

#include <algorithm>
#include <cstddef>
#include <iterator>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace gradus::detail {

/// Two passes over different samples, of which one has one more: what differs between them depends
/// on the input.
class TwoPasses {
 public:
  /// All inputs have one number of samples. A pass may write to them.
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
      builder.add_input(inputs[i], numbered("input", i, inputs.size()));
    }
    for (std::size_t i = 0; i < one_.calls().size(); ++i) write(builder, i);
    if (one_.calls().size() != other_.calls().size()) refuse_other_way(builder, "");
    const auto& outputs = one_.outputs();
    if (outputs != other_.outputs()) refuse_other_way(builder, "");
    for (std::size_t i = 0; i < outputs.size(); ++i) {
      const auto name = numbered("output", i, outputs.size());
      if (outputs[i] == TracedArgument::none) {
        throw ConfigurationError("the model cannot be exported: its " + name +
                                 " is undefined in evaluation mode; return defined tensors alone.");
      }
      builder.add_output(outputs[i], name);
    }
    auto graph = std::move(builder.graph());
    drop_unread_nodes(graph);
    return graph;
  }

 private:
  static std::string numbered(const std::string& name, std::size_t i, std::size_t count) {
    return count == 1 ? name : name + std::to_string(i + 1);
  }
  /// The samples the other way round, and one of them twice.
  static std::vector<at::Tensor> others(const std::vector<at::Tensor>& inputs) {
    std::vector<at::Tensor> list;
    for (const auto& input : inputs) {
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
        varies = varies || !builder.is_constant(number) || !builder.is_same(number);
        is_of_model = is_of_model || builder.is_of_model(number);
      }
    }
    for (const auto number : call.results) {
      const auto form = [&](const OperatorTrace& of) {
        const auto& tensor = of.tensors()[number];
        return std::pair(tensor.sizes.size(), tensor.tensor.scalar_type());
      };
      if (form(one_) != form(other_)) refuse_other_way(builder, " (" + call.name + ")");
      varies = varies || !builder.is_same(number);
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

}  // namespace gradus::detail
