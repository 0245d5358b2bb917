/// Which parameters weight decay shrinks.
#pragma once

#include <ATen/core/Tensor.h>

#include <array>
#include <string_view>

namespace gradus {

/// All, or only those with two dimensions or more, that is neither biases nor the scales and shifts
/// of norms.
enum class Decay { all, weights };

/// The names of an enum's values, in their order, as settings and `--set` write them. Each enum
/// that is a policy's number has an overload, found by its argument.
constexpr std::array<std::string_view, 2> enum_names(Decay) { return {"all", "weights"}; }

/// The two groups that `Decay` tells apart.
enum class ParameterGroup { weights, vectors };

/// Tensors of two dimensions or more are weights; biases, scales and shifts are vectors.
inline ParameterGroup group_of(const at::Tensor& parameter) {
  return parameter.dim() > 1 ? ParameterGroup::weights : ParameterGroup::vectors;
}

/// The decay of a group.
constexpr double decay_of(ParameterGroup group, Decay decay, double weight_decay) {
  return group == ParameterGroup::weights || decay == Decay::all ? weight_decay : 0;
}

}  // namespace gradus
