/// A graph of ONNX, and the file that holds it.
#pragma once

#include <gradus/core/memory_form.hpp>
#include <gradus/core/parameters.hpp>
#include <gradus/error.hpp>
#include <gradus/export/onnx_types.hpp>
#include <gradus/files/protobuf.hpp>
#include <gradus/files/write_file.hpp>
#include <gradus/version.hpp>

#include <c10/core/ScalarType.h>

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <variant>
#include <vector>

namespace gradus {

/// Numbers of an operator, by the names of ONNX's operator reference.
using OnnxAttribute = std::variant<std::int64_t, double, std::string, std::vector<std::int64_t>>;
/// By name.
using OnnxAttributes = std::vector<std::pair<std::string, OnnxAttribute>>;

/// One operator with the values that it reads and makes.
struct OnnxNode {
  std::string op;
  std::vector<std::string> inputs, outputs;  ///< names of values; "" for an input that is left out
  OnnxAttributes attributes;
  std::string name;
};

/// What goes in or comes out: a side of -k is k times the number of samples.
struct OnnxValue {
  std::string name;
  c10::ScalarType type;
  std::vector<std::int64_t> sizes;
};

/// Nodes in an order in which each value is made before it is read.
struct OnnxGraph {
  static constexpr std::int64_t opset = 20;
  static constexpr std::int64_t format = 9;  ///< of the file: ONNX 1.15, the first with this opset

  std::vector<OnnxNode> nodes;
  std::vector<NamedTensor> constants;  ///< on the CPU, in order
  std::vector<OnnxValue> inputs, outputs;
  std::map<std::string, std::string> metadata;
};

namespace detail {

inline ProtobufMessage onnx_attribute(const std::string& name, const OnnxAttribute& value) {
  ProtobufMessage message;
  message.text(1, name);
  const auto of_type = [&](std::int64_t type) { message.integer(20, type); };
  if (const auto* integer = std::get_if<std::int64_t>(&value)) {
    message.integer(3, *integer), of_type(2);
  } else if (const auto* number = std::get_if<double>(&value)) {
    message.number(2, static_cast<float>(*number)), of_type(1);
  } else if (const auto* text = std::get_if<std::string>(&value)) {
    message.text(4, *text), of_type(3);
  } else {
    for (const auto one : std::get<std::vector<std::int64_t>>(value)) message.integer(8, one);
    of_type(7);
  }
  return message;
}

inline ProtobufMessage onnx_node(const OnnxNode& node) {
  ProtobufMessage message;
  for (const auto& input : node.inputs) message.text(1, input);
  for (const auto& output : node.outputs) message.text(2, output);
  message.text(3, node.name);
  message.text(4, node.op);
  for (const auto& [name, value] : node.attributes) message.message(5, onnx_attribute(name, value));
  return message;
}

inline ProtobufMessage onnx_value(const OnnxValue& value) {
  ProtobufMessage shape, tensor, type, message;
  for (const auto side : value.sizes) {
    ProtobufMessage dimension;
    const auto name = side == -1 ? std::string("samples") : std::to_string(-side) + "*samples";
    side < 0 ? dimension.text(2, name) : dimension.integer(1, side);
    shape.message(1, dimension);
  }
  tensor.integer(1, onnx_type(value.type));
  tensor.message(2, shape);
  type.message(1, tensor);
  message.text(1, value.name);
  message.message(2, type);
  return message;
}

inline ProtobufMessage onnx_entry(const std::string& name, const std::string& value) {
  ProtobufMessage message;
  message.text(1, name);
  message.text(2, value);
  return message;
}

inline std::string_view bytes_of(const at::Tensor& tensor) {
  return {static_cast<const char*>(tensor.const_data_ptr()), tensor.nbytes()};
}

/// Its values are in the message, or in `file` from `offset` on.
inline ProtobufMessage onnx_tensor(const NamedTensor& constant, const std::string& file,
                                   std::uint64_t offset) {
  ProtobufMessage message;
  for (const auto side : constant.tensor.sizes()) message.integer(1, side);
  message.integer(2, onnx_type(constant.tensor.scalar_type()));
  message.text(8, constant.name);
  if (file.empty()) {
    message.text(9, bytes_of(constant.tensor));
    return message;
  }
  message.message(13, onnx_entry("location", file));
  message.message(13, onnx_entry("offset", std::to_string(offset)));
  message.message(13, onnx_entry("length", std::to_string(constant.tensor.nbytes())));
  message.integer(14, 1);
  return message;
}

/// Puts the weights in the place of older ones, which no graph at `path` reads any more by then.
inline void replace_weights(const std::filesystem::path& data,
                            const std::vector<std::string_view>& pieces,
                            const std::filesystem::path& path) {
  const auto fresh = std::filesystem::path(data.string() + ".new");
  write_file(fresh, pieces);
  std::error_code failure;
  std::filesystem::remove(path, failure);
  if (!failure) std::filesystem::rename(fresh, data, failure);
  if (failure) {
    throw ResourceError("Cannot replace " + data.string() + ": " + failure.message() +
                        "; give a folder that can be written to.");
  }
}

}  // namespace detail

/// Writes `graph` to `path`. Its constants go into the file, or, where they are `beside` it or
/// would make it larger than a message of protobuf can be (2 GiB), into `path` + ".data". An older
/// pair of files is replaced such that no graph is ever beside the weights of another one: if that
/// is interrupted, there may be no file at `path`. Throws ResourceError.
inline void write_onnx(OnnxGraph graph, const std::filesystem::path& path, bool beside = false) {
  constexpr std::uint64_t largest = 1'900'000'000;
  constexpr std::uint64_t least_beside = 1024;  // what shapes are read off has to be inside
  constexpr std::uint64_t page = 4096;
  std::uint64_t bytes = 0;
  for (auto& [name, tensor] : graph.constants) {
    tensor = plain_values(tensor).cpu();
    bytes += tensor.nbytes();
  }
  const auto data = std::filesystem::path(path.string() + ".data");
  const std::string file = beside || bytes > largest ? data.filename().string() : std::string();

  ProtobufMessage body;
  for (const auto& node : graph.nodes) body.message(1, detail::onnx_node(node));
  body.text(2, "gradus");
  std::vector<std::string_view> pieces;
  const std::string padding(page, '\0');
  std::uint64_t offset = 0;
  for (const auto& constant : graph.constants) {
    const bool stays = file.empty() || constant.tensor.nbytes() < least_beside;
    body.message(5, detail::onnx_tensor(constant, stays ? std::string() : file, offset));
    if (stays) continue;
    const auto behind = (page - constant.tensor.nbytes() % page) % page;  // to be mapped
    pieces.push_back(detail::bytes_of(constant.tensor));
    pieces.push_back(std::string_view(padding).substr(0, behind));
    offset += constant.tensor.nbytes() + behind;
  }
  for (const auto& input : graph.inputs) body.message(11, detail::onnx_value(input));
  for (const auto& output : graph.outputs) body.message(12, detail::onnx_value(output));

  ProtobufMessage operators, model;
  operators.integer(2, OnnxGraph::opset);
  model.integer(1, OnnxGraph::format);
  model.text(2, "gradus");
  model.text(3, version);
  model.message(7, body);
  model.message(8, operators);
  for (const auto& [name, value] : graph.metadata)
    model.message(14, detail::onnx_entry(name, value));
  if (!file.empty()) detail::replace_weights(data, pieces, path);
  write_file(path, model.bytes());
}

}  // namespace gradus
