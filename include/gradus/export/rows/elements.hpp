/// How operators on single elements, and sums over them, are written in ONNX.
#pragma once

#include <gradus/export/onnx_call.hpp>

#include <ATen/ops/full.h>
#include <c10/core/ScalarType.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

namespace gradus::detail {

/// Of two tensors, or a tensor and a number, in the type of the result; a third argument, "alpha",
/// is a factor of the second one.
inline OnnxRow onnx_of_two(const char* op) {
  return [op](OnnxCall& call) {
    const auto type = call.result_type();
    auto second = call.value_as(1, type);
    if (call.has(2) && call.number_of(2) != 1) {
      const auto factor = call.constant(at::full({}, call.number_of(2), at::dtype(type)));
      second = call.add("Mul", {second, factor});
    }
    call.give(op, {call.value_as(0, type), second});
  };
}
/// Likewise where the result is of another type than what is compared.
inline OnnxRow onnx_comparison(const char* op) {
  return [op](OnnxCall& call) {
    const auto type =
        call.is_tensor(1) ? c10::promoteTypes(call.type(0), call.type(1)) : call.type(0);
    call.give(op, {call.value_as(0, type), call.value_as(1, type)});
  };
}
inline OnnxRow onnx_of_one(const char* op) {
  return [op](OnnxCall& call) { call.give(op, {call.value_as(0, call.result_type())}); };
}
/// With a number of the operator as an attribute.
inline OnnxRow onnx_with_number(const char* op, const char* attribute) {
  return [op, attribute](OnnxCall& call) {
    call.give(op, {call.value(0)}, {{attribute, call.number_of(1)}});
  };
}

inline OnnxRow onnx_softmax(const char* op) {
  return [op](OnnxCall& call) {
    call.give(op, {call.value_as(0, call.result_type())}, {{"axis", call.integer(1)}});
  };
}

/// (input, axes, keepdim), or of all.
inline OnnxRow onnx_reduction(const char* op) {
  return [op](OnnxCall& call) {
    const bool of_axes = !call.overload().empty() || call.op().starts_with("aten::am");
    const auto axes = of_axes ? call.integers(1) : std::vector<std::int64_t>();
    const auto keeps = call.result_sizes().size() == static_cast<std::size_t>(call.sides(0));
    std::vector<std::string> inputs{call.value_as(0, call.result_type())};
    if (!axes.empty()) inputs.push_back(call.constant(axes));
    call.give(op, inputs, {{"keepdims", std::int64_t{keeps}}});
  };
}

/// (input, lowest, highest)
inline void onnx_clamp(OnnxCall& call) {
  const auto type = call.result_type();
  std::vector<std::string> inputs{call.value_as(0, type)};
  for (const std::size_t place : {std::size_t{1}, std::size_t{2}}) {
    inputs.push_back(call.has(place) ? call.value_as(place, type) : std::string());
  }
  while (inputs.back().empty()) inputs.pop_back();
  call.give("Clip", inputs);
}

/// `clamp_min`, `clamp_max`.
inline OnnxRow onnx_bound(const char* op) {
  return [op](OnnxCall& call) {
    const auto type = call.result_type();
    call.give(op, {call.value_as(0, type), call.value_as(1, type)});
  };
}

/// x * sigmoid(x), and likewise.
inline OnnxRow onnx_gated(const char* gate) {
  return [gate](OnnxCall& call) {
    call.give("Mul", {call.value(0), call.add(gate, {call.value(0)})});
  };
}

inline void add_element_rows(std::map<std::string, OnnxRow>& rows) {
  using Names = std::pair<const char*, const char*>;
  for (const auto& [op, name] :
       {Names{"add", "Add"}, Names{"sub", "Sub"}, Names{"mul", "Mul"}, Names{"pow", "Pow"},
        Names{"maximum", "Max"}, Names{"minimum", "Min"}}) {
    rows["aten::" + std::string(op)] = onnx_of_two(name);
  }
  rows["aten::div"] = [](OnnxCall& call) {
    if (call.has(2)) call.refuse("rounds");
    const auto type = call.result_type();
    call.give("Div", {call.value_as(0, type), call.value_as(1, type)});
  };
  rows["aten::rsub"] = [](OnnxCall& call) {
    if (call.number_of(2) != 1) call.refuse("has a factor");
    const auto type = call.result_type();
    call.give("Sub", {call.value_as(1, type), call.value_as(0, type)});
  };
  for (const auto& [op, name] : {Names{"eq", "Equal"}, Names{"gt", "Greater"}, Names{"lt", "Less"},
                                 Names{"ge", "GreaterOrEqual"}, Names{"le", "LessOrEqual"}}) {
    rows["aten::" + std::string(op)] = onnx_comparison(name);
  }
  for (const auto& [op, name] :
       {Names{"relu", "Relu"}, Names{"sigmoid", "Sigmoid"}, Names{"tanh", "Tanh"},
        Names{"exp", "Exp"}, Names{"log", "Log"}, Names{"sqrt", "Sqrt"}, Names{"neg", "Neg"},
        Names{"abs", "Abs"}, Names{"erf", "Erf"}, Names{"sin", "Sin"}, Names{"cos", "Cos"},
        Names{"floor", "Floor"}, Names{"ceil", "Ceil"}, Names{"round", "Round"},
        Names{"reciprocal", "Reciprocal"}, Names{"logical_not", "Not"},
        Names{"softsign", "Softsign"}, Names{"mish", "Mish"}}) {
    rows["aten::" + std::string(op)] = onnx_of_one(name);
  }
  rows["aten::rsqrt"] = [](OnnxCall& call) {
    call.give("Reciprocal", {call.add("Sqrt", {call.value(0)})});
  };
  rows["aten::square"] = [](OnnxCall& call) { call.give("Mul", {call.value(0), call.value(0)}); };
  rows["aten::relu6"] = [](OnnxCall& call) {
    const auto number = [&](double value) {
      return call.constant(at::full({}, value, at::dtype(call.result_type())));
    };
    call.give("Clip", {call.value(0), number(0), number(6)});
  };
  rows["aten::gelu"] = [](OnnxCall& call) {
    call.give("Gelu", {call.value(0)}, {{"approximate", call.text(1)}});
  };
  rows["aten::silu"] = onnx_gated("Sigmoid");
  rows["aten::hardswish"] = [](OnnxCall& call) { call.give("HardSwish", {call.value(0)}); };
  rows["aten::elu"] = onnx_with_number("Elu", "alpha");
  rows["aten::leaky_relu"] = onnx_with_number("LeakyRelu", "alpha");
  rows["aten::hardsigmoid"] = [](OnnxCall& call) {
    call.give("HardSigmoid", {call.value(0)}, {{"alpha", 1.0 / 6}, {"beta", 0.5}});
  };
  rows["aten::softplus"] = [](OnnxCall& call) {
    if (call.number_of(1) != 1) call.refuse("has a beta");
    call.give("Softplus", {call.value(0)});
  };
  rows["aten::clamp_min"] = onnx_bound("Max");
  rows["aten::clamp_max"] = onnx_bound("Min");
  rows["aten::clamp"] = rows["aten::hardtanh"] = onnx_clamp;
  rows["aten::softmax"] = onnx_softmax("Softmax");
  rows["aten::log_softmax"] = onnx_softmax("LogSoftmax");
  rows["aten::mean"] = onnx_reduction("ReduceMean");
  rows["aten::sum"] = onnx_reduction("ReduceSum");
  rows["aten::amax"] = onnx_reduction("ReduceMax");
  rows["aten::amin"] = onnx_reduction("ReduceMin");
  rows["aten::where"] = [](OnnxCall& call) {
    const auto type = call.result_type();
    call.give("Where", {call.value(0), call.value_as(1, type), call.value_as(2, type)});
  };
  rows["aten::masked_fill"] = [](OnnxCall& call) {
    call.give("Where", {call.value(1), call.value_as(2, call.result_type()), call.value(0)});
  };
}

}  // namespace gradus::detail
