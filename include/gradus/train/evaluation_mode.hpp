/// Evaluation mode as a scope, which leaves training as it was.
#pragma once

#include <torch/nn/module.h>

#include <memory>
#include <utility>
#include <vector>

namespace gradus {

/// While it lives the module and all within are in evaluation mode; afterwards each is as it was
/// before, after an exception too.
class EvaluationMode {
 public:
  explicit EvaluationMode(torch::nn::Module& module) {
    for (auto& part : module.modules()) before_.emplace_back(part, part->is_training());
    module.eval();
  }
  EvaluationMode(const EvaluationMode&) = delete;
  EvaluationMode& operator=(const EvaluationMode&) = delete;
  /// Outer modules first: `train` reaches everything within, and the inner ones come after.
  ~EvaluationMode() {
    for (auto& [part, training] : before_) part->train(training);
  }

 private:
  std::vector<std::pair<std::shared_ptr<torch::nn::Module>, bool>> before_;
};

}  // namespace gradus
