/// The table of operators: how each of LibTorch's is written in ONNX.
#pragma once

#include <gradus/export/element_rows.hpp>
#include <gradus/export/layer_rows.hpp>
#include <gradus/export/onnx_call.hpp>
#include <gradus/export/pooling_rows.hpp>
#include <gradus/export/shape_rows.hpp>

#include <map>
#include <string>

namespace gradus::detail {

/// Null where there is none.
inline const OnnxRow* onnx_row(const std::string& op) {
  static const auto rows = [] {
    std::map<std::string, OnnxRow> all;
    add_layer_rows(all);
    add_pooling_rows(all);
    add_element_rows(all);
    add_shape_rows(all);
    return all;
  }();
  const auto& own = own_onnx_rows();
  if (const auto found = own.find(op); found != own.end()) return &found->second;
  const auto found = rows.find(op);
  return found == rows.end() ? nullptr : &found->second;
}

}  // namespace gradus::detail
