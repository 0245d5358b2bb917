/// The batch norms of a model: those within a module, in training mode, with statistics anew.
#pragma once

#include <torch/nn/module.h>
#include <torch/nn/modules/batchnorm.h>

#include <optional>
#include <utility>
#include <vector>

namespace gradus {

/// Calls `visit(norm)` for each batch norm within `module`.
template <class Visit>
void for_each_batch_norm(torch::nn::Module& module, Visit visit) {
  for (const auto& part : module.modules()) {
    if (auto* one = part->as<torch::nn::BatchNorm1d>()) visit(*one);
    if (auto* two = part->as<torch::nn::BatchNorm2d>()) visit(*two);
    if (auto* three = part->as<torch::nn::BatchNorm3d>()) visit(*three);
  }
}

inline bool has_batch_norm(torch::nn::Module& module) {
  bool found = false;
  for_each_batch_norm(module, [&](auto&) { found = true; });
  return found;
}

/// While it lives only the batch norms are in training mode, so that a forward pass gathers
/// statistics and draws no random numbers. With `FreshStatistics::yes` they begin anew and become
/// the plain mean over the passes, as torch.optim.swa_utils.update_bn has them.
enum class FreshStatistics { yes, no };

class BatchNormsTraining {
 public:
  BatchNormsTraining(torch::nn::Module& module, FreshStatistics fresh) : module_(module) {
    module.eval();
    for_each_batch_norm(module, [&](auto& norm) {
      norm.train();
      momenta_.push_back(norm.options.momentum());
      if (fresh == FreshStatistics::no) return;
      norm.reset_running_stats();
      norm.options.momentum(std::nullopt);
    });
  }
  BatchNormsTraining(const BatchNormsTraining&) = delete;
  BatchNormsTraining& operator=(const BatchNormsTraining&) = delete;
  ~BatchNormsTraining() {
    auto momentum = momenta_.begin();
    for_each_batch_norm(module_, [&](auto& norm) { norm.options.momentum(*momentum++); });
  }

 private:
  torch::nn::Module& module_;
  std::vector<std::optional<double>> momenta_;
};

}  // namespace gradus
