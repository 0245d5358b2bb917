/// Weights through which gradients pass, while none is kept for them.
#pragma once

#include <gradus/core/parameters.hpp>

#include <memory>
#include <utility>
#include <vector>

namespace gradus {

/// While it lives the trained ones of `parameters` need no gradient; afterwards they do again.
class ConstantWeights {
 public:
  /// Counts itself in `scopes`.
  ConstantWeights(const std::vector<NamedTensor>& parameters, std::shared_ptr<int> scopes)
      : scopes_(std::move(scopes)) {
    ++*scopes_;
    for (const auto& [name, tensor] : parameters) {
      if (tensor.requires_grad()) trained_.push_back(tensor);
    }
    for (auto& tensor : trained_) tensor.requires_grad_(false);
  }
  ConstantWeights(const ConstantWeights&) = delete;
  ConstantWeights& operator=(const ConstantWeights&) = delete;
  ~ConstantWeights() {
    for (auto& tensor : trained_) tensor.requires_grad_(true);
    --*scopes_;
  }

 private:
  std::shared_ptr<int> scopes_;
  std::vector<at::Tensor> trained_;
};

}  // namespace gradus
