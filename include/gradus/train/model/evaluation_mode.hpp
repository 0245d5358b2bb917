/// Training and evaluation mode of a model, its frozen parts left as they are.
#pragma once

#include <torch/nn/module.h>

#include <memory>
#include <utility>
#include <vector>

namespace gradus {

/// The mode of a module and of all within, outer ones first.
using ModuleModes = std::vector<std::pair<std::shared_ptr<torch::nn::Module>, bool>>;

/// The training flag of a module and of every module within.
inline ModuleModes modes_of(torch::nn::Module& module) {
  ModuleModes modes;
  for (auto& part : module.modules()) modes.emplace_back(part, part->is_training());
  return modes;
}

/// `train` reaches everything within, so the inner ones come last.
inline void set_modes(const ModuleModes& modes) {
  for (const auto& [part, training] : modes) part->train(training);
}

/// Puts a model in training mode by its `train`, which it may override. Parts that are in
/// evaluation mode within a model that is not are frozen so on purpose (batch norms of a backbone),
/// and stay; a part in training mode within such a part trains.
inline void start_training(torch::nn::Module& module) {
  auto wanted = modes_of(module);
  const bool deliberate = module.is_training();
  module.train();
  if (!deliberate) return;
  for (auto& [part, training] : wanted) training = training && part->is_training();
  for (const auto& [part, training] : wanted) {
    if (part->is_training() != training) part->train(training);
  }
}

/// While it lives the module and all within are in evaluation mode; afterwards each is as it was
/// before, after an exception too.
class EvaluationMode {
 public:
  explicit EvaluationMode(torch::nn::Module& module) : before_(modes_of(module)) { module.eval(); }
  EvaluationMode(const EvaluationMode&) = delete;
  EvaluationMode& operator=(const EvaluationMode&) = delete;
  ~EvaluationMode() { set_modes(before_); }

 private:
  ModuleModes before_;
};

}  // namespace gradus
