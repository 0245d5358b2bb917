/// How operators that move values, or make constants of a shape, are written in ONNX.
#pragma once

#include <gradus/export/onnx_call.hpp>

#include <ATen/PadNd.h>
#include <ATen/ops/full.h>
#include <ATen/ops/tensor.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <map>
#include <numeric>
#include <string>
#include <utility>
#include <vector>

namespace gradus::detail {

/// Any operator that keeps the order of values: the sizes of its result say it all.
inline void onnx_reshape(OnnxCall& call) {
  if (call.overload() == "dtype") call.refuse("reads the bits as another type");
  const auto sizes = call.result_sizes();
  const auto follows =
      std::ranges::count_if(sizes, [](const Extent& size) { return !size.is_fixed(); });
  const auto empty = std::ranges::any_of(sizes, [](const Extent& size) { return size.one == 0; });
  if (follows > 1 || empty) {
    return call.give("Reshape", {call.value(0), call.shape(sizes)},
                     {{"allowzero", std::int64_t{1}}});
  }
  std::vector<std::int64_t> wanted;
  for (const auto& size : sizes) wanted.push_back(size.is_fixed() ? size.one : -1);
  call.give("Reshape", {call.value(0), call.constant(wanted)});
}

inline void onnx_transpose(OnnxCall& call) {
  std::vector<std::int64_t> order(static_cast<std::size_t>(call.sides(0)));
  std::iota(order.begin(), order.end(), 0);
  if (call.op() == "aten::permute") {
    const auto given = call.integers(1);
    for (std::size_t side = 0; side < order.size(); ++side) order[side] = call.axis(0, given[side]);
  } else if (call.op() == "aten::numpy_T") {
    std::ranges::reverse(order);
  } else if (order.size() > 1) {
    const bool all = call.op() == "aten::t";
    const auto one = all ? 0 : call.axis(0, call.integer(1));
    const auto other = all ? 1 : call.axis(0, call.integer(2));
    std::swap(order.at(static_cast<std::size_t>(one)), order.at(static_cast<std::size_t>(other)));
  }
  call.give("Transpose", {call.value(0)}, {{"perm", order}});
}

/// (input, axis, start, end, step)
inline void onnx_slice(OnnxCall& call) {
  const auto axis = call.axis(0, call.integer(1));
  constexpr auto last = std::numeric_limits<std::int64_t>::max();
  const auto start = call.has(2) ? call.integer(2) : 0;
  auto end = last;
  if (call.has(3)) {
    const auto given = call.extents(3).front();
    const auto size = call.sizes(0).at(static_cast<std::size_t>(axis));
    end = given == size || given.one == last ? last : call.integer(3);
  }
  call.give("Slice", {call.value(0), call.constant({start}), call.constant({end}),
                      call.constant({axis}), call.constant({call.integer(4)})});
}

/// (input, axis, start, length)
inline void onnx_narrow(OnnxCall& call) {
  if (call.overload() == "Tensor") call.refuse("has a start index that is a tensor");
  const auto start = call.integer(2), end = start + call.integer(3);
  constexpr auto last = std::numeric_limits<std::int64_t>::max();
  call.give("Slice", {call.value(0), call.constant({start}),
                      call.constant({start < 0 && end == 0 ? last : end}),
                      call.constant({call.axis(0, call.integer(1))})});
}

/// (input, size of parts, axis): parts of the sizes that came out.
inline void onnx_split(OnnxCall& call) {
  const auto axis = call.axis(0, call.integer(2));
  std::vector<std::int64_t> parts;
  for (std::size_t k = 0; k < call.results(); ++k) {
    const auto size = call.result_sizes(k).at(static_cast<std::size_t>(axis));
    if (!size.is_fixed()) call.refuse("divides the samples");
    parts.push_back(size.one);
  }
  call.give("Split", {call.value(0), call.constant(parts)}, {{"axis", axis}});
}

inline void onnx_stack(OnnxCall& call) {
  const auto axis = call.integer(1);
  auto names = call.values_as(0, call.result_type());
  for (auto& name : names) name = call.add("Unsqueeze", {name, call.constant({axis})});
  call.give("Concat", names, {{"axis", axis}});
}

/// Of `pad` by its text, of `_pad_enum`, which modules call, by its number.
inline std::string pad_mode(OnnxCall& call) {
  if (call.op() == "aten::constant_pad_nd") return "constant";
  if (call.op() == "aten::pad") return call.text(2);
  switch (static_cast<at::padding_mode>(call.integer(2))) {
    case at::padding_mode::constant:
      return "constant";
    case at::padding_mode::reflect:
      return "reflect";
    case at::padding_mode::replicate:
      return "replicate";
    case at::padding_mode::circular:
      break;
  }
  return "circular";
}

/// (input, padding [last side before, behind, ...], [mode], value)
inline void onnx_pad(OnnxCall& call) {
  const bool constant = call.op() == "aten::constant_pad_nd";
  const auto given = call.integers(1);
  const auto mode = pad_mode(call);
  if (mode == "circular") call.refuse("uses circular padding");
  const auto sides = static_cast<std::size_t>(call.sides(0));
  std::vector<std::int64_t> pads(2 * sides);
  for (std::size_t k = 0; k < given.size() / 2; ++k) {
    pads[sides - 1 - k] = given[2 * k];
    pads[2 * sides - 1 - k] = given[2 * k + 1];
  }
  const std::size_t place = constant ? 2 : 3;
  const double fill = call.has(place) ? call.number_of(place) : 0;
  call.give("Pad",
            {call.value(0), call.constant(pads),
             call.constant(at::full({}, fill, at::dtype(call.type(0))))},
            {{"mode", mode == "replicate" ? std::string("edge") : mode}});
}

/// Values of one number, of a size that follows the samples: of fixed sizes they are constants.
inline OnnxRow onnx_filled(double fill) {
  return [fill](OnnxCall& call) {
    const bool given = call.op().ends_with("full") || call.op().ends_with("full_like");
    double number = fill;
    if (given) number = call.number_of(call.op() == "aten::new_full" ? 2 : 1);
    const auto value = call.constant(at::full({}, number, at::dtype(call.result_type())));
    call.give("Expand", {value, call.shape(call.result_sizes())});
  };
}

inline void onnx_cast(OnnxCall& call) {
  if (call.result_type() == call.type(0)) return call.give("Identity", {call.value(0)});
  call.give("Cast", {call.value(0)}, {{"to", onnx_type(call.result_type())}});
}

inline void add_shape_rows(std::map<std::string, OnnxRow>& rows) {
  for (const auto* op : {"view", "reshape", "flatten", "unflatten", "squeeze", "unsqueeze",
                         "_unsafe_view", "view_as", "reshape_as"}) {
    rows["aten::" + std::string(op)] = onnx_reshape;
  }
  for (const auto* op : {"contiguous", "clone", "detach", "dropout", "alias", "lift_fresh",
                         "feature_dropout", "alpha_dropout", "identity"}) {
    rows["aten::" + std::string(op)] = [](OnnxCall& call) {
      if (call.op().ends_with("dropout") && call.flag(2)) call.refuse("applies dropout");
      call.give("Identity", {call.value(0)});
    };
  }
  for (const auto* op : {"to", "type_as", "_to_copy"}) rows["aten::" + std::string(op)] = onnx_cast;
  for (const auto* op : {"transpose", "permute", "t", "swapaxes", "numpy_T"}) {
    rows["aten::" + std::string(op)] = onnx_transpose;
  }
  rows["aten::unbind"] = [](OnnxCall& call) {
    for (std::size_t k = 0; k < call.results(); ++k) {
      const auto place = call.constant(at::full({}, static_cast<std::int64_t>(k), at::kLong));
      call.give_result(k, "Gather", {call.value(0), place},
                       {{"axis", call.axis(0, call.integer(1))}});
    }
  };
  rows["aten::slice"] = onnx_slice;
  rows["aten::narrow"] = onnx_narrow;
  rows["aten::split"] = rows["aten::chunk"] = rows["aten::split_with_sizes"] = onnx_split;
  rows["aten::select"] = [](OnnxCall& call) {
    const auto place = call.constant(at::full({}, call.integer(2), at::kLong));
    call.give("Gather", {call.value(0), place}, {{"axis", call.axis(0, call.integer(1))}});
  };
  rows["aten::index_select"] = [](OnnxCall& call) {
    auto places = call.value(2);
    if (call.sides(2) == 0)
      places = call.add("Unsqueeze", {places, call.constant(std::vector<std::int64_t>{0})});
    call.give("Gather", {call.value(0), places}, {{"axis", call.integer(1)}});
  };
  rows["aten::cat"] = rows["aten::concat"] = [](OnnxCall& call) {
    call.give("Concat", call.values_as(0, call.result_type()), {{"axis", call.integer(1)}});
  };
  rows["aten::stack"] = onnx_stack;
  rows["aten::expand"] = rows["aten::expand_as"] = [](OnnxCall& call) {
    call.give("Expand", {call.value(0), call.shape(call.result_sizes())});
  };
  for (const auto* op : {"constant_pad_nd", "pad", "_pad_enum"})
    rows["aten::" + std::string(op)] = onnx_pad;
  rows["aten::fill"] = [](OnnxCall& call) {
    call.give("Expand", {call.value_as(1, call.result_type()), call.shape(call.result_sizes())});
  };
  for (const auto* op : {"zeros", "zeros_like", "new_zeros", "full", "full_like", "new_full"}) {
    rows["aten::" + std::string(op)] = onnx_filled(0);
  }
  for (const auto* op : {"empty", "empty_like", "new_empty"}) {
    rows["aten::" + std::string(op)] = [](OnnxCall& call) {  // its values, if any, come by `fill`
      const auto sizes = call.result_sizes();
      const bool has_none =
          std::ranges::any_of(sizes, [](const Extent& size) { return size.one == 0; });
      if (has_none) onnx_filled(0)(call);
    };
  }
  for (const auto* op : {"ones", "ones_like", "new_ones"})
    rows["aten::" + std::string(op)] = onnx_filled(1);
}

}  // namespace gradus::detail
