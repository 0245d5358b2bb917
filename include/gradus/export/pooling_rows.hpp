/// How windows over the sides of images are written in ONNX.
#pragma once

#include <gradus/export/onnx_call.hpp>

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace gradus::detail {

/// Of one number for all sides, or one for each.
inline std::vector<std::int64_t> for_sides(std::vector<std::int64_t> numbers, std::size_t sides) {
  if (numbers.size() == 1) numbers.resize(sides, numbers.front());
  return numbers;
}
/// Padding before and behind, as ONNX has it.
inline std::vector<std::int64_t> both_ends(std::vector<std::int64_t> padding) {
  padding.insert(padding.end(), padding.begin(), padding.end());
  return padding;
}

/// Of an operator whose name ends in "2d", such as pooling over [N, C, H, W].
inline std::size_t pooled_sides(OnnxCall& call) {
  const auto op = call.op();
  const auto sides = static_cast<std::size_t>(op[op.size() - 2] - '0');
  if (static_cast<std::size_t>(call.sides(0)) != sides + 2) call.refuse("has no batch dimension");
  return sides;
}
/// Whether a last window that is not whole counts, where it makes a difference. LibTorch drops one
/// that begins in the padding, where ONNX counts it until opset 22.
inline std::int64_t ceils(OnnxCall& call, bool asked, const std::vector<std::int64_t>& window,
                          const std::vector<std::int64_t>& stride,
                          const std::vector<std::int64_t>& padding) {
  bool counts = false, is_dropped = false;
  for (std::size_t side = 0; asked && side < window.size(); ++side) {
    const auto size = call.sizes(0)[side + 2].one + 2 * padding[side] - window[side];
    const auto down = size / stride[side] + 1, up = (size + stride[side] - 1) / stride[side] + 1;
    const auto found = call.result_sizes()[side + 2].one;
    counts = counts || found != down;
    is_dropped = is_dropped || (found == down && up != down);
  }
  if (counts && is_dropped) call.refuse("leaves out a window that ONNX has");
  return counts ? 1 : 0;
}

/// (input, kernel, stride, padding, dilation, ceil)
inline void onnx_max_pool(OnnxCall& call) {
  const auto sides = pooled_sides(call);
  const auto numbers = [&](std::size_t place) { return for_sides(call.integers(place), sides); };
  const auto kernel = numbers(1), padding = numbers(3), dilation = numbers(4);
  const auto stride = call.integers(2).empty() ? kernel : numbers(2);
  auto window = kernel;
  for (std::size_t side = 0; side < sides; ++side) {
    window[side] = dilation[side] * (kernel[side] - 1) + 1;
  }
  call.give("MaxPool", {call.value(0)},
            {{"kernel_shape", kernel},
             {"strides", stride},
             {"pads", both_ends(padding)},
             {"dilations", dilation},
             {"ceil_mode", ceils(call, call.flag(5), window, stride, padding)}});
}

/// (input, kernel, stride, padding, ceil, count_include_pad, divisor)
inline void onnx_average_pool(OnnxCall& call) {
  if (call.has(6)) call.refuse("has a divisor of its own");
  const auto sides = pooled_sides(call);
  const auto numbers = [&](std::size_t place) { return for_sides(call.integers(place), sides); };
  const auto kernel = numbers(1), padding = numbers(3);
  const auto stride = call.integers(2).empty() ? kernel : numbers(2);
  if (ceils(call, call.flag(4), kernel, stride, padding) != 0)
    call.refuse("has a partial last window");
  call.give("AveragePool", {call.value(0)},
            {{"kernel_shape", kernel},
             {"strides", stride},
             {"pads", both_ends(padding)},
             {"count_include_pad", std::int64_t{call.flag(5)}}});
}

/// (input, output size): a mean over windows of one size, where there are such.
inline void onnx_adaptive_average_pool(OnnxCall& call) {
  static_cast<void>(pooled_sides(call));
  const auto sizes = call.sizes(0), wanted = call.result_sizes();
  std::vector<std::int64_t> window;
  bool is_global = true;
  for (std::size_t side = 2; side < sizes.size(); ++side) {
    if (!sizes[side].is_fixed() || sizes[side].one % wanted[side].one != 0) {
      call.refuse("has windows of several sizes");
    }
    window.push_back(sizes[side].one / wanted[side].one);
    is_global = is_global && wanted[side].one == 1;
  }
  if (is_global) return call.give("GlobalAveragePool", {call.value(0)});
  call.give("AveragePool", {call.value(0)}, {{"kernel_shape", window}, {"strides", window}});
}

inline void add_pooling_rows(std::map<std::string, OnnxRow>& rows) {
  for (const auto* op : {"aten::max_pool1d", "aten::max_pool2d", "aten::max_pool3d"})
    rows[op] = onnx_max_pool;
  for (const auto* op : {"aten::avg_pool1d", "aten::avg_pool2d", "aten::avg_pool3d"})
    rows[op] = onnx_average_pool;
  for (const auto* op :
       {"aten::adaptive_avg_pool1d", "aten::adaptive_avg_pool2d", "aten::adaptive_avg_pool3d"}) {
    rows[op] = onnx_adaptive_average_pool;
  }
}

}  // namespace gradus::detail
