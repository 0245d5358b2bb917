/// A model as it is exported.
#pragma once

#include <gradus/checkpoint/weights.hpp>
#include <gradus/core/plain_operators.hpp>
#include <gradus/export/traced_call.hpp>
#include <gradus/train/model/evaluation_mode.hpp>

#include <ATen/core/grad_mode.h>
#include <torch/nn/module.h>

#include <cstddef>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

namespace gradus::detail {

/// Of a holder (TORCH_MODULE), a pointer or a module.
template <class Model>
auto& module_of(Model& model) {
  if constexpr (std::is_base_of_v<torch::nn::Module, std::remove_cv_t<Model>>) {
    return model;
  } else {
    return *model;
  }
}

template <class Inputs>
inline constexpr std::size_t tensor_count = 1;
template <class... Ts>
inline constexpr std::size_t tensor_count<std::tuple<Ts...>> = sizeof...(Ts);

/// While it lives, the model evaluates on the CPU, with copies of its parameters and buffers in the
/// order of their sides, and calls LibTorch's operators, none of our own that stand for several.
class PlainModel {
 public:
  explicit PlainModel(torch::nn::Module& module)
      : evaluation_(module), plain_before_(std::exchange(uses_plain_operators(), true)) {
    for (const auto& [name, tensor] : named_state(module)) {
      kept_.emplace_back(tensor, tensor.variable_data());
      give_copy(tensor, kept_.back().second);
    }
  }
  PlainModel(const PlainModel&) = delete;
  PlainModel& operator=(const PlainModel&) = delete;
  ~PlainModel() {
    for (auto& [tensor, values] : kept_) tensor.set_data(values);
    uses_plain_operators() = plain_before_;
  }

  /// The values that the model had, after a pass that may have written to them.
  void reset() const {
    for (const auto& [tensor, values] : kept_) {
      if (fingerprint_of_values(tensor) != fingerprint_of_values(values)) give_copy(tensor, values);
    }
  }

 private:
  static void give_copy(at::Tensor tensor, const at::Tensor& values) {
    tensor.set_data(values.detach().cpu().clone(at::MemoryFormat::Contiguous));
  }

  EvaluationMode evaluation_;
  bool plain_before_;
  std::vector<std::pair<at::Tensor, at::Tensor>> kept_;
};

}  // namespace gradus::detail
