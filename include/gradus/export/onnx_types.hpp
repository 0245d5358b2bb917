/// Types of numbers in ONNX, and which of them its operators do not accept.
#pragma once

#include <gradus/error.hpp>

#include <c10/core/ScalarType.h>

#include <cstdint>
#include <map>
#include <set>
#include <string>

namespace gradus {

/// ONNX's number of a type; throws ConfigurationError for one that it does not have.
[[nodiscard]] inline std::int64_t onnx_type(c10::ScalarType type) {
  static const std::map<c10::ScalarType, std::int64_t> numbers{
      {c10::kFloat, 1},   {c10::kByte, 2},     {c10::kChar, 3}, {c10::kShort, 5},
      {c10::kInt, 6},     {c10::kLong, 7},     {c10::kBool, 9}, {c10::kHalf, 10},
      {c10::kDouble, 11}, {c10::kBFloat16, 16}};
  const auto found = numbers.find(type);
  if (found != numbers.end()) return found->second;
  throw ConfigurationError(std::string("ONNX has no numbers of type ") + c10::toString(type) +
                           "; convert the model before it is exported.");
}

/// Whether operator `op` of ONNX computes with numbers of `type`, where LibTorch does: by the
/// schemas of opset 20 (onnx 1.23).
[[nodiscard]] inline bool onnx_accepts(const std::string& op, c10::ScalarType type) {
  using Types = std::set<c10::ScalarType>;
  static const Types bfloat16{c10::kBFloat16};
  static const Types small{c10::kByte, c10::kChar, c10::kShort};
  static const Types whole{c10::kShort, c10::kInt, c10::kLong, c10::kBFloat16};
  static const std::map<std::string, Types> missing{{"Conv", bfloat16},
                                                    {"ConvTranspose", bfloat16},
                                                    {"InstanceNormalization", bfloat16},
                                                    {"AveragePool", bfloat16},
                                                    {"GlobalAveragePool", bfloat16},
                                                    {"MaxPool", whole},
                                                    {"Sin", bfloat16},
                                                    {"Cos", bfloat16},
                                                    {"Softsign", bfloat16},
                                                    {"Mish", bfloat16},
                                                    {"Round", bfloat16},
                                                    {"HardSwish", bfloat16},
                                                    {"Elu", bfloat16},
                                                    {"HardSigmoid", bfloat16},
                                                    {"Softplus", bfloat16},
                                                    {"Gemm", small},
                                                    {"MatMul", small},
                                                    {"Pow", small},
                                                    {"Neg", {c10::kByte}},
                                                    {"Relu", {c10::kByte}},
                                                    {"ReduceMax", {c10::kShort}},
                                                    {"ReduceMin", {c10::kShort}}};
  const auto found = missing.find(op);
  return found == missing.end() || !found->second.contains(type);
}

}  // namespace gradus
