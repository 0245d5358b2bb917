/// Weights through which gradients pass, while none is kept for them.
#pragma once

#include <gradus/core/parameters.hpp>

#include <vector>

namespace gradus {

/// While it lives the trained ones of `parameters` need no gradient; afterwards they do again.
class ConstantWeights {
 public:
  explicit ConstantWeights(const std::vector<NamedTensor>& parameters) {
    for (const auto& [name, tensor] : parameters) {
      if (tensor.requires_grad()) trained_.push_back(tensor);
    }
    for (auto& tensor : trained_) tensor.requires_grad_(false);
  }
  ConstantWeights(const ConstantWeights&) = delete;
  ConstantWeights& operator=(const ConstantWeights&) = delete;
  ~ConstantWeights() {
    for (auto& tensor : trained_) tensor.requires_grad_(true);
  }

 private:
  std::vector<at::Tensor> trained_;
};

}  // namespace gradus
