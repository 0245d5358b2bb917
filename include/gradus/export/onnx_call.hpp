/// One call of an operator, as a row of the table of operators sees it, and that table.
#pragma once

#include <gradus/export/onnx_builder.hpp>
#include <gradus/export/onnx_types.hpp>
#include <gradus/export/operator_trace.hpp>

#include <ATen/ops/full.h>

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <utility>
#include <vector>

namespace gradus {

/// Arguments go by their places in the operator's schema, from 0.
class OnnxCall {
 public:
  OnnxCall(OnnxBuilder& builder, const TracedCall& one, const TracedCall& other)
      : builder_(builder), one_(one), other_(other) {}

  /// "aten::conv2d", without overload; one that works in place has the name of the other one.
  [[nodiscard]] std::string op() const { return op_of(one_.name); }
  static std::string op_of(const std::string& name) {
    auto op = name.substr(0, name.find('.'));
    if (op.ends_with('_') && !op.ends_with("__")) op.pop_back();
    return op;
  }

  /// "dim" of "aten::mean.dim"; "" where it has none.
  [[nodiscard]] std::string overload() const {
    const auto dot = one_.name.find('.');
    return dot == std::string::npos ? std::string() : one_.name.substr(dot + 1);
  }

  /// The name of the value of a tensor; "" for one that is undefined or was not given.
  [[nodiscard]] std::string value(std::size_t place) {
    const auto number = this->number(place);
    builder_.see(number);
    return builder_.name_of(number);
  }
  /// A matrix, and whether it is the transpose of what is meant: parameters keep their names.
  [[nodiscard]] std::pair<std::string, bool> matrix(std::size_t place) {
    const auto source = builder_.turned_parameter(number(place));
    if (!source) return {value(place), false};
    builder_.see(*source);
    return {builder_.name_of(*source), true};
  }
  /// Of a list of tensors, in `type`.
  [[nodiscard]] std::vector<std::string> values_as(std::size_t place, c10::ScalarType type) {
    std::vector<std::string> names;
    for (const auto number : one_.arguments.at(place).tensors) {
      auto name = builder_.name_of(number);
      const bool fits = builder_.tensor_of(number).scalar_type() == type;
      names.push_back(fits ? name : add("Cast", {name}, {{"to", onnx_type(type)}}));
    }
    return names;
  }
  /// Likewise in `type`, by a cast where it has another one; a number becomes a constant.
  [[nodiscard]] std::string value_as(std::size_t place, c10::ScalarType type) {
    const auto& argument = one_.arguments.at(place);
    if (argument.tensors.empty()) {
      return builder_.constant(at::full({}, scalar(place), at::dtype(type)));
    }
    return this->type(place) == type ? value(place)
                                     : add("Cast", {value(place)}, {{"to", onnx_type(type)}});
  }

  [[nodiscard]] bool is_tensor(std::size_t place) const {
    return place < one_.arguments.size() && !one_.arguments[place].tensors.empty();
  }
  /// Whether it is there: neither None nor undefined.
  [[nodiscard]] bool has(std::size_t place) const {
    if (place >= one_.arguments.size()) return false;
    const auto& argument = one_.arguments[place];
    return argument.tensors.empty() ? !argument.value.isNone()
                                    : argument.tensors.front() != TracedArgument::none;
  }
  [[nodiscard]] std::int64_t integer(std::size_t place) const {
    const auto& one = one_.arguments.at(place).value;
    const auto& other = other_.arguments.at(place).value;
    if (one.toInt() != other.toInt()) refuse_size(place);
    return one.toInt();
  }
  [[nodiscard]] std::vector<std::int64_t> integers(std::size_t place) const {
    std::vector<std::int64_t> all;
    for (const auto& extent : extents(place)) {
      if (!extent.is_fixed()) refuse_size(place);
      all.push_back(extent.one);
    }
    return all;
  }
  /// A list of numbers, or one number, that may follow the number of samples.
  [[nodiscard]] Extents extents(std::size_t place) const {
    const auto& one = one_.arguments.at(place).value;
    const auto& other = other_.arguments.at(place).value;
    if (one.isNone()) return {};
    if (one.isInt()) return {{one.toInt(), other.toInt()}};
    return OnnxBuilder::paired(one.toIntVector(), other.toIntVector());
  }
  /// One number of any type.
  [[nodiscard]] c10::Scalar scalar(std::size_t place) const {
    const auto one = one_.arguments.at(place).value.toScalar();
    const auto other = other_.arguments.at(place).value.toScalar();
    const auto is_nan = [](const c10::Scalar& number) {
      return number.isFloatingPoint() && std::isnan(number.toDouble());
    };
    const bool same = one.isBoolean() && other.isBoolean() ? one.toBool() == other.toBool()
                                                           : one.equal(other.toDouble());
    if (!same && !(is_nan(one) && is_nan(other))) refuse_size(place);
    return one;
  }
  [[nodiscard]] double number_of(std::size_t place) const { return scalar(place).toDouble(); }
  [[nodiscard]] bool flag(std::size_t place) const {
    if (place >= one_.arguments.size()) return false;
    const bool one = one_.arguments[place].value.toBool();
    if (one != other_.arguments.at(place).value.toBool()) refuse_size(place);
    return one;
  }
  [[nodiscard]] bool is_text(std::size_t place) const {
    return one_.arguments.at(place).value.isString();
  }
  [[nodiscard]] std::string text(std::size_t place) const {
    const auto& one = one_.arguments.at(place).value.toStringRef();
    if (one != other_.arguments.at(place).value.toStringRef()) refuse_size(place);
    return one;
  }

  /// Sizes of an argument, and of a result.
  [[nodiscard]] Extents sizes(std::size_t place) const { return builder_.sizes_of(number(place)); }
  [[nodiscard]] Extents result_sizes(std::size_t k = 0) const {
    return builder_.sizes_of(one_.results.at(k));
  }
  /// With the values of the first pass.
  [[nodiscard]] const at::Tensor& tensor(std::size_t place) const {
    return builder_.tensor_of(number(place));
  }
  [[nodiscard]] std::int64_t sides(std::size_t place) const { return std::ssize(sizes(place)); }
  [[nodiscard]] c10::ScalarType type(std::size_t place) const {
    return builder_.tensor_of(number(place)).scalar_type();
  }
  [[nodiscard]] c10::ScalarType result_type() const {
    return builder_.tensor_of(one_.results.at(0)).scalar_type();
  }
  [[nodiscard]] std::size_t results() const { return one_.results.size(); }
  /// An axis of an argument, from 0.
  [[nodiscard]] std::int64_t axis(std::size_t of, std::int64_t given) const {
    return given < 0 ? given + sides(of) : given;
  }

  /// Adds a node and returns its value.
  std::string add(const std::string& op, std::vector<std::string> inputs,
                  OnnxAttributes attributes = {}) {
    check_type(op);
    const auto made = builder_.unique(short_name());
    builder_.add_node(op, std::move(inputs), {made}, std::move(attributes));
    return made;
  }
  /// Adds the node whose values are the results of the call.
  void give(const std::string& op, std::vector<std::string> inputs,
            OnnxAttributes attributes = {}) {
    check_type(op);
    std::vector<std::string> made;
    for (const auto number : one_.results) {
      made.push_back(builder_.name_result(number, short_name()));
    }
    builder_.add_node(op, std::move(inputs), std::move(made), std::move(attributes));
  }
  /// Adds a node for one of several results.
  void give_result(std::size_t k, const std::string& op, std::vector<std::string> inputs,
                   OnnxAttributes attributes = {}) {
    check_type(op);
    builder_.add_node(op, std::move(inputs),
                      {builder_.name_result(one_.results.at(k), short_name())},
                      std::move(attributes));
  }
  [[nodiscard]] std::string shape(const Extents& extents) { return builder_.shape(extents); }
  [[nodiscard]] std::string constant(const at::Tensor& values) { return builder_.constant(values); }
  [[nodiscard]] std::string constant(const std::vector<std::int64_t>& values) {
    return builder_.constant(at::tensor(values, at::kLong));
  }

  /// Throws ConfigurationError with the operator, the reason and the module.
  [[noreturn]] void refuse(const std::string& why) const {
    builder_.refuse(op() + " " + why,
                    "write it otherwise in the model, or add a row for it by onnx_operator");
  }

 private:
  [[nodiscard]] std::size_t number(std::size_t place) const {
    if (place >= one_.arguments.size()) return TracedArgument::none;
    const auto& tensors = one_.arguments[place].tensors;
    return tensors.empty() ? TracedArgument::none : tensors.front();
  }
  /// What a node computes with has the type of what the call returns.
  void check_type(const std::string& node) const {
    if (one_.results.empty() || onnx_accepts(node, result_type())) return;
    builder_.refuse(op() + " is of " + c10::toString(result_type()) + ", which ONNX's " + node +
                        " does not accept",
                    "convert the model to float32 before it is exported");
  }
  [[noreturn]] void refuse_size(std::size_t place) const {
    refuse("has a number that follows the number of samples (argument " + std::to_string(place) +
           "), which ONNX fixes");
  }
  [[nodiscard]] std::string short_name() const {
    const auto op = this->op();
    return op.substr(op.rfind(':') + 1);
  }

  OnnxBuilder& builder_;
  const TracedCall& one_;
  const TracedCall& other_;
};

/// Adds the nodes of one call.
using OnnxRow = std::function<void(OnnxCall&)>;

namespace detail {

inline std::map<std::string, OnnxRow>& own_onnx_rows() {
  static std::map<std::string, OnnxRow> rows;
  return rows;
}

}  // namespace detail

/// Says how an operator of LibTorch, or of one's own library, is written in ONNX, in the place of a
/// row that there is:
///
///     onnx_operator("aten::square", [](OnnxCall& call) {
///       call.give("Mul", {call.value(0), call.value(0)});
///     });
inline void onnx_operator(const std::string& op, OnnxRow row) {
  detail::own_onnx_rows()[op] = std::move(row);
}

}  // namespace gradus
