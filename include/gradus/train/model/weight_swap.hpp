/// Other values in a model's tensors, as a scope.
#pragma once

#include <gradus/core/parameters.hpp>

#include <cstddef>
#include <vector>

namespace gradus {

/// While it lives each tensor holds the value given for it; afterwards it is as it was, after an
/// exception too. Optimizers, ties and autograd see the same tensors all the time. A value is
/// copied only where its type is another, such as the float32 average of a 16-bit weight.
class WeightSwap {
 public:
  WeightSwap() = default;
  /// Nothing is swapped if there are no values.
  WeightSwap(const std::vector<NamedTensor>& tensors, const std::vector<at::Tensor>& values) {
    for (std::size_t i = 0; i < values.size(); ++i) {
      tensors_.push_back(tensors[i].tensor);
      before_.push_back(tensors_.back().variable_data());
      const auto type = tensors_.back().scalar_type();
      tensors_.back().set_data(values[i].scalar_type() == type ? values[i] : values[i].to(type));
    }
  }
  WeightSwap(const WeightSwap&) = delete;
  WeightSwap& operator=(const WeightSwap&) = delete;
  ~WeightSwap() {
    for (std::size_t i = 0; i < tensors_.size(); ++i) tensors_[i].set_data(before_[i]);
  }

 private:
  std::vector<at::Tensor> tensors_;
  std::vector<at::Tensor> before_;
};

/// The weights by which a run is judged, and the batch-norm statistics that go with them.
struct EvaluationWeights {
  WeightSwap weights;
  WeightSwap statistics;
};

}  // namespace gradus
