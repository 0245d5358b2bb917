/// How operators on single elements, and sums over them, are written in ONNX.
#pragma once

#include <gradus/export/onnx_call.hpp>

#include <ATen/ops/full.h>
#include <ATen/ops/result_type.h>
#include <c10/core/ScalarType.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace gradus::detail {

/// Arithmetic of flags, as LibTorch has it.
inline void onnx_of_flags(OnnxCall& call, const std::string& op) {
  const bool is_and = op == "Mul" || op == "Min";
  if (!is_and && op != "Add" && op != "Max") call.refuse("computes with flags");
  call.give(is_and ? "And" : "Or", {call.value_as(0, c10::kBool), call.value_as(1, c10::kBool)});
}

/// Of two tensors, or a tensor and a number, in the type of the result; a third argument, "alpha",
/// is a factor of the second one.
inline OnnxRow onnx_of_two(const char* op) {
  return [op](OnnxCall& call) {
    const auto type = call.result_type();
    if (type == c10::kBool) return onnx_of_flags(call, op);
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
    auto type = call.is_tensor(1) ? at::result_type(call.tensor(0), call.tensor(1))
                                  : at::result_type(call.tensor(0), call.scalar(1));
    if (type == c10::kBool && std::string_view(op) != "Equal") type = c10::kLong;
    const std::vector<std::string> both{call.value_as(0, type), call.value_as(1, type)};
    if (call.result_type() == c10::kBool) return call.give(op, both);
    call.give("Cast", {call.add(op, both)}, {{"to", onnx_type(call.result_type())}});
  };
}
/// Likewise of what is not so.
inline void onnx_not_equal(OnnxCall& call) {
  auto type = call.is_tensor(1) ? at::result_type(call.tensor(0), call.tensor(1))
                                : at::result_type(call.tensor(0), call.scalar(1));
  const auto equal = call.add("Equal", {call.value_as(0, type), call.value_as(1, type)});
  const auto differs = call.add("Not", {equal});
  call.give("Cast", {differs}, {{"to", onnx_type(call.result_type())}});
}
inline OnnxRow onnx_of_one(const char* op) {
  return [op](OnnxCall& call) { call.give(op, {call.value_as(0, call.result_type())}); };
}
/// Of whole numbers there is nothing to round.
inline OnnxRow onnx_rounded(const char* op) {
  return [op](OnnxCall& call) {
    if (call.has(1) && call.integer(1) != 0) call.refuse("rounds to decimals");
    const bool is_whole = c10::isIntegralType(call.type(0), /*includeBool=*/true);
    call.give(is_whole ? "Identity" : op, {call.value(0)});
  };
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
  if (call.overload() == "Tensor") {  // with a bound for each element
    auto result = call.value_as(0, type);
    if (call.has(1)) result = call.add("Max", {result, call.value_as(1, type)});
    if (call.has(2)) result = call.add("Min", {result, call.value_as(2, type)});
    return call.give("Identity", {result});
  }
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

/// `one` where `mask` is true, else `other`. Programs that run ONNX have no Where of flags.
inline void onnx_choice(OnnxCall& call, const std::string& mask, const std::string& one,
                        const std::string& other) {
  if (call.result_type() != c10::kBool) return call.give("Where", {mask, one, other});
  const auto is_not = call.add("Not", {mask});
  call.give("Or", {call.add("And", {mask, one}), call.add("And", {is_not, other})});
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
  rows["aten::ne"] = onnx_not_equal;
  for (const auto& [op, name] :
       {Names{"relu", "Relu"}, Names{"sigmoid", "Sigmoid"}, Names{"tanh", "Tanh"},
        Names{"exp", "Exp"}, Names{"log", "Log"}, Names{"sqrt", "Sqrt"}, Names{"neg", "Neg"},
        Names{"abs", "Abs"}, Names{"erf", "Erf"}, Names{"sin", "Sin"}, Names{"cos", "Cos"},
        Names{"reciprocal", "Reciprocal"}, Names{"softsign", "Softsign"}, Names{"mish", "Mish"}}) {
    rows["aten::" + std::string(op)] = onnx_of_one(name);
  }
  for (const auto& [op, name] :
       {Names{"floor", "Floor"}, Names{"ceil", "Ceil"}, Names{"round", "Round"}}) {
    rows["aten::" + std::string(op)] = onnx_rounded(name);
  }
  for (const auto& [op, name] :
       {Names{"logical_and", "And"}, Names{"logical_or", "Or"}, Names{"logical_xor", "Xor"},
        Names{"bitwise_and", "And"}, Names{"bitwise_or", "Or"}, Names{"bitwise_xor", "Xor"}}) {
    rows["aten::" + std::string(op)] = [node = name](OnnxCall& call) {
      if (call.result_type() != c10::kBool) call.refuse("is bitwise");
      call.give(node, {call.value_as(0, c10::kBool), call.value_as(1, c10::kBool)});
    };
  }
  rows["aten::logical_not"] = [](OnnxCall& call) {
    const auto is_not = call.add("Not", {call.value_as(0, c10::kBool)});
    call.give("Cast", {is_not}, {{"to", onnx_type(call.result_type())}});
  };
  rows["aten::rsqrt"] = [](OnnxCall& call) {
    call.give("Reciprocal", {call.add("Sqrt", {call.value_as(0, call.result_type())})});
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
  rows["aten::elu"] = [](OnnxCall& call) {
    if (call.number_of(2) != 1 || call.number_of(3) != 1) call.refuse("has a scale");
    call.give("Elu", {call.value(0)}, {{"alpha", call.number_of(1)}});
  };
  rows["aten::leaky_relu"] = onnx_with_number("LeakyRelu", "alpha");
  rows["aten::hardsigmoid"] = [](OnnxCall& call) {
    call.give("HardSigmoid", {call.value(0)}, {{"alpha", 1.0 / 6}, {"beta", 0.5}});
  };
  rows["aten::softplus"] = [](OnnxCall& call) {
    constexpr double usual = 20;  // from where on it is x itself, to the last bits
    if (call.number_of(1) != 1) call.refuse("has a beta");
    if (call.number_of(2) < usual) call.refuse("has a threshold");
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
    if (!call.has(1)) call.refuse("returns indices");
    const auto type = call.result_type();
    onnx_choice(call, call.value(0), call.value_as(1, type), call.value_as(2, type));
  };
  rows["aten::masked_fill"] = [](OnnxCall& call) {
    onnx_choice(call, call.value(1), call.value_as(2, call.result_type()), call.value(0));
  };
}

}  // namespace gradus::detail
