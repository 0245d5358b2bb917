/// A model that is left as it was, whatever a trial does to it.
#pragma once

#include <gradus/core/parameters.hpp>
#include <gradus/train/evaluation_mode.hpp>
#include <gradus/train/weight_swap.hpp>

#include <torch/nn/module.h>

#include <vector>

namespace gradus {

/// While it lives the model trains copies of its weights and statistics.
class KeepModel {
 public:
  explicit KeepModel(torch::nn::Module& module)
      : mode_(module),
        weights_(unique_parameters(module), copies(unique_parameters(module))),
        statistics_(unique_buffers(module), copies(unique_buffers(module))) {}

 private:
  static std::vector<at::Tensor> copies(const std::vector<NamedTensor>& tensors) {
    std::vector<at::Tensor> list;
    for (const auto& tensor : tensors) list.push_back(tensor.tensor.detach().clone());
    return list;
  }

  EvaluationMode mode_;
  WeightSwap weights_;
  WeightSwap statistics_;
};

}  // namespace gradus
