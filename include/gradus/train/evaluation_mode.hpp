/// Evaluation mode as a scope, which leaves training as it was.
#pragma once

#include <torch/nn/module.h>

namespace gradus {

/// While it lives the module is in evaluation mode; afterwards as before, by an exception too.
class EvaluationMode {
 public:
  explicit EvaluationMode(torch::nn::Module& module)
      : module_(module), training_(module.is_training()) {
    module_.eval();
  }
  EvaluationMode(const EvaluationMode&) = delete;
  EvaluationMode& operator=(const EvaluationMode&) = delete;
  ~EvaluationMode() { module_.train(training_); }

 private:
  torch::nn::Module& module_;
  bool training_;
};

}  // namespace gradus
