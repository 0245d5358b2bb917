/// Other values in a model's tensors, as a scope.
#pragma once

#include <gradus/core/parameters.hpp>
#include <gradus/error.hpp>

#include <cstddef>
#include <memory>
#include <string>
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
    std::vector<at::Tensor> held;  // all of them before the first swap: memory may run out
    for (std::size_t i = 0; i < values.size(); ++i) {
      tensors_.push_back(tensors[i].tensor);
      before_.push_back(tensors_.back().variable_data());
      held.push_back(values[i].to(tensors_.back().scalar_type()));
    }
    for (std::size_t i = 0; i < held.size(); ++i) tensors_[i].set_data(held[i]);
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

/// The scopes in which a model holds averages in the place of its own weights.
class AverageScopes {
 public:
  /// Throws ConfigurationError if one lives while the model is `what`, as in "saved".
  void check(const char* what) const {
    if (*alive_ == 0) return;
    throw ConfigurationError(std::string("a model is ") + what +
                             " while it holds averaged weights, which would take the place of its "
                             "own; let the scope of `evaluation_weights()` end before.");
  }

 private:
  friend class EvaluationWeights;
  std::shared_ptr<int> alive_ = std::make_shared<int>(0);
};

/// The weights to evaluate with, and the batch-norm statistics that go with them.
class EvaluationWeights {
 public:
  EvaluationWeights() = default;
  /// The model's own weights where there are no averages yet.
  EvaluationWeights(const std::vector<NamedTensor>& parameters,
                    const std::vector<at::Tensor>& averages,
                    const std::vector<NamedTensor>& buffers,
                    const std::vector<at::Tensor>& statistics, const AverageScopes& scopes)
      : alive_(averages.empty() ? nullptr : scopes.alive_),
        weights_(parameters, averages),
        statistics_(buffers, statistics) {
    if (alive_) ++*alive_;
  }
  EvaluationWeights(const EvaluationWeights&) = delete;
  EvaluationWeights& operator=(const EvaluationWeights&) = delete;
  ~EvaluationWeights() {
    if (alive_) --*alive_;
  }

 private:
  std::shared_ptr<int> alive_;
  WeightSwap weights_;
  WeightSwap statistics_;
};

}  // namespace gradus
