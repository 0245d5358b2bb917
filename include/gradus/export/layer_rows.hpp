/// How layers are written in ONNX: convolutions, products, norms, embeddings, attention.
#pragma once

#include <gradus/export/onnx_call.hpp>
#include <gradus/export/pooling_rows.hpp>

#include <ATen/ops/full.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/triu.h>
#include <ATen/ops/zeros.h>

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <map>
#include <string>
#include <vector>

namespace gradus::detail {

inline std::vector<std::string> with_bias(OnnxCall& call) {
  std::vector<std::string> inputs{call.value(0), call.value(1)};
  if (call.has(2)) inputs.push_back(call.value(2));
  return inputs;
}

/// (input, weight, bias, stride, padding, dilation, groups); padding may be "same" or "valid".
inline void onnx_convolution(OnnxCall& call) {
  const auto sides = static_cast<std::size_t>(call.sides(1) - 2);
  const auto numbers = [&](std::size_t place) { return for_sides(call.integers(place), sides); };
  std::vector<std::int64_t> kernel;
  const auto weight = call.sizes(1);
  for (std::size_t side = 2; side < weight.size(); ++side) kernel.push_back(weight[side].one);
  if (static_cast<std::size_t>(call.sides(0)) != sides + 2) call.refuse("has no batch dimension");
  OnnxAttributes attributes{{"kernel_shape", kernel},
                            {"strides", numbers(3)},
                            {"dilations", numbers(5)},
                            {"group", call.integer(6)}};
  auto pads = call.is_text(4) ? std::vector<std::int64_t>(2 * sides) : both_ends(numbers(4));
  for (std::size_t side = 0; call.is_text(4) && call.text(4) == "same" && side < sides; ++side) {
    const auto total = numbers(5)[side] * (kernel[side] - 1);
    pads[side] = total / 2;
    pads[sides + side] = total - total / 2;
  }
  attributes.emplace_back("pads", pads);
  call.give("Conv", with_bias(call), attributes);
}

/// (input, weight, bias, stride, padding, output_padding, groups, dilation)
inline void onnx_transposed_convolution(OnnxCall& call) {
  const auto sides = pooled_sides(call);
  const auto numbers = [&](std::size_t place) { return for_sides(call.integers(place), sides); };
  call.give("ConvTranspose", with_bias(call),
            {{"strides", numbers(3)},
             {"pads", both_ends(numbers(4))},
             {"output_padding", numbers(5)},
             {"group", call.integer(6)},
             {"dilations", numbers(7)}});
}

/// (input [..., in], weight [out, in], bias)
inline void onnx_linear(OnnxCall& call) {
  if (call.sides(0) == 2) {
    return call.give("Gemm", with_bias(call), {{"transB", std::int64_t{1}}});
  }
  const auto turned =
      call.add("Transpose", {call.value(1)}, {{"perm", std::vector<std::int64_t>{1, 0}}});
  if (!call.has(2)) return call.give("MatMul", {call.value(0), turned});
  call.give("Add", {call.add("MatMul", {call.value(0), turned}), call.value(2)});
}

/// (bias, one, other, *, beta, alpha)
inline void onnx_addmm(OnnxCall& call) {
  const auto [other, is_turned] = call.matrix(2);
  call.give("Gemm", {call.value(1), other, call.value(0)},
            {{"beta", call.number_of(3)},
             {"alpha", call.number_of(4)},
             {"transB", std::int64_t{is_turned}}});
}

/// A weight of a norm, or what stands for none.
inline std::string or_fill(OnnxCall& call, std::size_t place,
                           const std::vector<std::int64_t>& sizes, double fill) {
  return call.has(place) ? call.value(place)
                         : call.constant(at::full(sizes, fill, at::dtype(call.type(0))));
}

/// (input, weight, bias, mean, variance, training, momentum, eps, cudnn)
inline void onnx_batch_norm(OnnxCall& call) {
  if (call.flag(5)) call.refuse("is in training mode");
  const std::vector<std::int64_t> channels{call.sizes(0).at(1).one};
  call.give("BatchNormalization",
            {call.value(0), or_fill(call, 1, channels, 1), or_fill(call, 2, channels, 0),
             call.value(3), call.value(4)},
            {{"epsilon", call.number_of(7)}});
}

/// (input, normalized_shape, weight, bias, eps, cudnn)
inline void onnx_layer_norm(OnnxCall& call) {
  const auto sizes = call.integers(1);
  std::vector<std::string> inputs{call.value(0), or_fill(call, 2, sizes, 1)};
  if (call.has(3)) inputs.push_back(call.value(3));
  call.give("LayerNormalization", inputs,
            {{"axis", -std::ssize(sizes)}, {"epsilon", call.number_of(4)}});
}

/// (input [N, C, ...], groups, weight, bias, eps, cudnn): each group as a row of its own.
inline void onnx_group_norm(OnnxCall& call) {
  const auto sizes = call.sizes(0);
  const auto groups = call.integer(1);
  const auto rows = call.add("Reshape", {call.value(0), call.constant({0, groups, -1})});
  const std::vector<std::int64_t> of_groups{groups};
  const auto type = at::dtype(call.type(0));
  const auto normal = call.add(
      "InstanceNormalization",
      {rows, call.constant(at::ones(of_groups, type)), call.constant(at::zeros(of_groups, type))},
      {{"epsilon", call.number_of(4)}});
  std::vector<std::int64_t> per_channel{sizes.at(1).one};
  per_channel.resize(sizes.size() - 1, 1);
  auto result = call.add("Reshape", {normal, call.shape(sizes)});
  const auto along_channels = [&](std::size_t place) {
    return call.add("Reshape", {call.value(place), call.constant(per_channel)});
  };
  if (call.has(2)) result = call.add("Mul", {result, along_channels(2)});
  if (call.has(3)) result = call.add("Add", {result, along_channels(3)});
  call.give("Identity", {result});
}

/// (query, key, value, mask, dropout, is_causal, scale, enable_gqa)
inline void onnx_attention(OnnxCall& call) {
  if (call.number_of(4) != 0) call.refuse("applies dropout");
  if (call.flag(7)) call.refuse("shares keys between heads");
  const auto query = call.sizes(0), key = call.sizes(1);
  const auto type = call.type(0);
  const auto size = static_cast<double>(query.back().one);
  const double scale = call.has(6) ? call.number_of(6) : 1 / std::sqrt(size);
  std::vector<std::int64_t> turned(query.size());
  for (std::size_t side = 0; side < turned.size(); ++side)
    turned[side] = std::ssize(turned) - 2 > static_cast<std::int64_t>(side)
                       ? static_cast<std::int64_t>(side)
                       : 0;
  turned[turned.size() - 2] = std::ssize(turned) - 1;
  turned[turned.size() - 1] = std::ssize(turned) - 2;
  const auto keys = call.add("Transpose", {call.value(1)}, {{"perm", turned}});
  const auto scaled =
      call.add("Mul", {call.value(0), call.constant(at::full({}, scale, at::dtype(type)))});
  auto scores = call.add("MatMul", {scaled, keys});
  constexpr double never = -std::numeric_limits<double>::infinity();
  if (call.flag(5)) {
    const auto rows = query[query.size() - 2], columns = key[key.size() - 2];
    if (!rows.is_fixed() || !columns.is_fixed()) call.refuse("is causal over the samples");
    const auto mask = at::full({rows.one, columns.one}, never, at::dtype(type)).triu(1);
    scores = call.add("Add", {scores, call.constant(mask)});
  } else if (call.has(3)) {
    const auto mask =
        call.type(3) == at::kBool
            ? call.add("Where", {call.value(3), call.constant(at::zeros({}, at::dtype(type))),
                                 call.constant(at::full({}, never, at::dtype(type)))})
            : call.value(3);
    scores = call.add("Add", {scores, mask});
  }
  auto weights = call.add("Softmax", {scores}, {{"axis", std::int64_t{-1}}});
  if (call.has(3)) {  // a row in which nothing is seen is zero, and no NaN
    weights = call.add("Where", {call.add("IsNaN", {weights}),
                                 call.constant(at::zeros({}, at::dtype(type))), weights});
  }
  call.give("MatMul", {weights, call.value(2)});
}

inline void add_layer_rows(std::map<std::string, OnnxRow>& rows) {
  for (const auto* op : {"aten::conv1d", "aten::conv2d", "aten::conv3d"})
    rows[op] = onnx_convolution;
  for (const auto* op :
       {"aten::conv_transpose1d", "aten::conv_transpose2d", "aten::conv_transpose3d"}) {
    rows[op] = onnx_transposed_convolution;
  }
  rows["aten::linear"] = onnx_linear;
  rows["aten::addmm"] = onnx_addmm;
  for (const auto* op : {"aten::matmul", "aten::mm", "aten::bmm"}) {
    rows[op] = [](OnnxCall& call) { call.give("MatMul", {call.value(0), call.value(1)}); };
  }
  rows["aten::batch_norm"] = onnx_batch_norm;
  rows["aten::layer_norm"] = onnx_layer_norm;
  rows["aten::group_norm"] = onnx_group_norm;
  rows["aten::embedding"] = [](OnnxCall& call) {
    call.give("Gather", {call.value(0), call.value(1)});
  };
  rows["aten::scaled_dot_product_attention"] = onnx_attention;
}

}  // namespace gradus::detail
