/// A model as it is exported.
#pragma once

#include <gradus/checkpoint/weights.hpp>
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

/// While it lives, the model evaluates on the CPU, and its values lie in the order of their sides,
/// so that it calls LibTorch's operators and none of our own that stand for several of them.
class PlainModel {
 public:
  explicit PlainModel(torch::nn::Module& module) : evaluation_(module) {
    for (const auto& [name, tensor] : named_state(module)) {
      kept_.emplace_back(tensor, tensor.variable_data());
      at::Tensor(tensor).set_data(tensor.detach().cpu().contiguous());
    }
  }
  PlainModel(const PlainModel&) = delete;
  PlainModel& operator=(const PlainModel&) = delete;
  ~PlainModel() {
    for (auto& [tensor, values] : kept_) tensor.set_data(values);
  }

 private:
  EvaluationMode evaluation_;
  std::vector<std::pair<at::Tensor, at::Tensor>> kept_;
};

}  // namespace gradus::detail
