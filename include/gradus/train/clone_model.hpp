/// A copy of a trainer's model.
#pragma once

#include <gradus/core/parameters.hpp>
#include <gradus/error.hpp>
#include <gradus/train/trainer.hpp>

#include <torch/nn/modules/conv.h>
#include <torch/nn/modules/embedding.h>
#include <torch/nn/modules/linear.h>

#include <map>
#include <memory>
#include <string>

namespace gradus {

namespace detail {

/// The member behind parameter `name` of a layer of LibTorch's; null of another one.
inline at::Tensor* weight_member(torch::nn::Module& module, const std::string& name) {
  at::Tensor* member = nullptr;
  const auto look = [&]<class Layer>(Layer* layer) {
    if (layer == nullptr) return;
    if (name == "weight") member = &layer->weight;
    if constexpr (requires { layer->bias; }) {
      if (name == "bias") member = &layer->bias;
    }
  };
  look(module.as<torch::nn::Linear>());
  look(module.as<torch::nn::Embedding>());
  look(module.as<torch::nn::Conv1d>());
  look(module.as<torch::nn::Conv2d>());
  look(module.as<torch::nn::Conv3d>());
  return member;
}

/// Ties in `copy` what is one tensor under several names in `model`. Throws ConfigurationError for
/// a parameter of a module that is none of LibTorch's layers.
inline void tie_alike(const torch::nn::Module& model, torch::nn::Module& copy) {
  std::map<const c10::TensorImpl*, std::string> first_name;
  const auto copied = copy.named_parameters();
  const auto modules = copy.named_modules();
  for (const auto& item : model.named_parameters()) {
    const auto [first, is_new] = first_name.emplace(item.value().unsafeGetTensorImpl(), item.key());
    const auto& source = copied[first->second];
    if (is_new || copied[item.key()].is_same(source)) continue;
    const auto dot = item.key().rfind('.');
    const auto own = item.key().substr(dot + 1);
    auto& module = *modules[dot == std::string::npos ? "" : item.key().substr(0, dot)];
    auto* member = weight_member(module, own);
    if (member == nullptr) {
      throw ConfigurationError("a copy of the model cannot share '" + item.key() + "' with '" +
                               first->second +
                               "' as the model does; share it by a sharing policy of the trainer.");
    }
    tie_parameter(module, own, *member, source);
  }
}

}  // namespace detail

/// A copy with weights and statistics of its own, in which shared weights are shared as in the
/// original: LibTorch's `clone` alone takes them apart, those that the model shares itself too. The
/// module must be a torch::nn::Cloneable; c10::Error says so if it is not. Throws
/// ConfigurationError for a tie between modules of one's own that the trainer's sharing policy does
/// not know.
template <class T>
typename T::model_type clone_model(T& trainer) {
  using Module = typename T::model_type::ContainedType;
  typename T::model_type copy(std::dynamic_pointer_cast<Module>(trainer.model()->clone()));
  trainer.policies().template at<slot::sharing>().tie(copy);
  detail::tie_alike(*trainer.model(), *copy);
  return copy;
}

}  // namespace gradus
