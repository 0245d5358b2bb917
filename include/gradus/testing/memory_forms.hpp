/// Tensors of one shape that lie in memory in different ways, for the laws of what changes tensors.
#pragma once

#include <torch/types.h>

#include <cstdint>
#include <string>
#include <vector>

namespace gradus::testing {

/// A tensor of given values, and the larger one that it is a part of, if it is.
struct MemoryForm {
  std::string name;
  at::Tensor tensor;
  at::Tensor whole{};   ///< undefined if the tensor is all there is
  at::Tensor before{};  ///< a copy of `whole`

  /// Whether everything in `whole` but the tensor has kept its value.
  [[nodiscard]] bool neighbours_stay() const {
    if (!whole.defined()) return true;
    const auto now = whole.clone();
    part_of(now).copy_(part_of(before));
    return now.equal(before);
  }

  /// The place of the tensor in a tensor like `whole`.
  [[nodiscard]] at::Tensor part_of(const at::Tensor& other) const {
    return other.as_strided(tensor.sizes(), tensor.strides(), tensor.storage_offset());
  }
};

namespace detail {

inline MemoryForm within(std::string name, const at::Tensor& values, const at::Tensor& whole,
                         const at::Tensor& place) {
  place.copy_(values);
  return {std::move(name), place, whole, whole.clone()};
}

}  // namespace detail

/// `values` in the forms that a tensor of its shape can have: dense, transposed, channels-last, a
/// block of columns, every second row, an element of a vector.
inline std::vector<MemoryForm> memory_forms(const at::Tensor& values) {
  const auto dimensions = values.dim();
  const auto filled = [&](std::vector<std::int64_t> sizes) {
    return torch::full(sizes, 0.75, values.options());
  };
  std::vector<MemoryForm> forms{{"dense", values.clone().contiguous()}};
  if (dimensions == 0) {
    const auto whole = filled({5});
    forms.push_back(detail::within("an element of a vector", values, whole, whole[2]));
    return forms;
  }
  auto wider = values.sizes().vec();
  wider.back() += 5;
  const auto columns = filled(wider);
  forms.push_back(detail::within("a block of columns", values, columns,
                                 columns.narrow(dimensions - 1, 3, values.size(-1))));
  auto taller = values.sizes().vec();
  taller.front() *= 2;
  const auto rows = filled(taller);
  forms.push_back(detail::within("every second row", values, rows, rows.slice(0, 0, taller[0], 2)));
  if (dimensions < 2) return forms;
  forms.push_back({"transposed", values.transpose(0, -1).contiguous().transpose(0, -1)});
  const auto turned = filled(columns.transpose(0, -1).sizes().vec());
  forms.push_back(detail::within("a block of transposed columns", values, turned,
                                 turned.narrow(0, 3, values.size(-1)).transpose(0, -1)));
  if (dimensions == 4) {
    forms.push_back({"channels-last", values.clone(at::MemoryFormat::ChannelsLast)});
  }
  return forms;
}

/// Values of the shapes that weights have: matrix, vector, convolution (3 x 3 and 1 x 1), scalar,
/// nothing. float32, between -1 and 1.
inline std::vector<at::Tensor> weight_shapes(c10::Device device = c10::kCPU) {
  std::vector<at::Tensor> shapes;
  for (const std::vector<std::int64_t>& sizes : std::vector<std::vector<std::int64_t>>{
           {4, 6}, {7}, {3, 2, 3, 3}, {4, 3, 1, 1}, {}, {0, 5}}) {
    const auto count = at::empty(sizes).numel();
    shapes.push_back(((torch::arange(static_cast<float>(count)) * 7 + 3).remainder(19) / 10 - 0.9)
                         .reshape(sizes)
                         .to(device));
  }
  return shapes;
}

/// Gradients of such weights at a step, never zero.
inline at::Tensor weight_gradient(const at::Tensor& values, int step) {
  const auto index =
      torch::arange(static_cast<float>(values.numel()), values.device()).reshape(values.sizes());
  return ((index * 5 + 3.0F * static_cast<float>(step)).remainder(13) - 6.5) / 8;
}

}  // namespace gradus::testing
