/// The batch norms of a model, and passes that gather statistics for those that are not frozen.
#pragma once

#include <gradus/core/parameters.hpp>
#include <gradus/error.hpp>
#include <gradus/train/model/evaluation_mode.hpp>

#include <ATen/core/Tensor.h>
#include <torch/nn/module.h>
#include <torch/nn/modules/batchnorm.h>

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <unordered_set>
#include <utility>
#include <vector>

namespace gradus {

/// Calls `visit(norm)` once for each batch norm within `module`, whatever number of names it has.
template <class Visit>
void for_each_batch_norm(torch::nn::Module& module, Visit visit) {
  std::unordered_set<const torch::nn::Module*> seen;
  for (const auto& part : module.modules()) {
    if (!seen.insert(part.get()).second) continue;
    if (auto* one = part->as<torch::nn::BatchNorm1d>()) visit(*one);
    if (auto* two = part->as<torch::nn::BatchNorm2d>()) visit(*two);
    if (auto* three = part->as<torch::nn::BatchNorm3d>()) visit(*three);
  }
}

/// Whether a batch norm of the model is in training mode: a frozen one uses its running statistics.
inline bool trains_batch_norm(torch::nn::Module& module) {
  bool found = false;
  for_each_batch_norm(module, [&](auto& norm) { found = found || norm.is_training(); });
  return found;
}

/// The buffers that a forward pass in training may read: not the running statistics of batch norms
/// in training mode, which they only write.
inline std::vector<at::Tensor> buffers_read_in_training(torch::nn::Module& module) {
  std::unordered_set<const c10::TensorImpl*> only_written;
  for_each_batch_norm(module, [&](auto& norm) {
    if (!norm.is_training()) return;
    for (const auto& buffer : norm.buffers(/*recurse=*/false)) {
      only_written.insert(buffer.unsafeGetTensorImpl());
    }
  });
  std::vector<at::Tensor> list;
  for (const auto& [name, buffer] : unique_buffers(module)) {
    if (!only_written.contains(buffer.unsafeGetTensorImpl())) list.push_back(buffer);
  }
  return list;
}

/// Whether statistics begin again and become the plain mean over the passes, as
/// torch.optim.swa_utils.update_bn has them.
enum class FreshStatistics { yes, no };

/// While it lives only the batch norms that were in training mode are, so that a forward pass
/// gathers statistics and draws no random numbers. Afterwards all is in the mode it was in.
class BatchNormsTraining {
 public:
  BatchNormsTraining(torch::nn::Module& module, FreshStatistics fresh)
      : training_(those_training(module)), mode_(module) {
    for (const auto& norm : training_) norm(fresh);
  }
  BatchNormsTraining(const BatchNormsTraining&) = delete;
  BatchNormsTraining& operator=(const BatchNormsTraining&) = delete;
  ~BatchNormsTraining() {
    for (const auto& restore : restore_) restore();
  }

 private:
  using Begin = std::function<void(FreshStatistics)>;

  std::vector<Begin> those_training(torch::nn::Module& module) {
    std::vector<Begin> list;
    for_each_batch_norm(module, [&](auto& norm) {
      if (!norm.is_training()) return;
      list.push_back([this, &norm](FreshStatistics fresh) {
        norm.train();
        if (fresh == FreshStatistics::no) return;
        restore_.push_back(
            [&norm, momentum = norm.options.momentum()] { norm.options.momentum(momentum); });
        norm.reset_running_stats();
        norm.options.momentum(std::nullopt);
      });
    });
    return list;
  }

  std::vector<std::function<void()>> restore_;
  std::vector<Begin> training_;
  EvaluationMode mode_;
};

/// Averaged weights have statistics of their own, made over training batches. Throws
/// ConfigurationError if policy `averaging` wants such where there are none: `why`, as in "a stream
/// gives only once".
template <class Averaging>
void check_no_renewal(const Averaging& averaging, torch::nn::Module& model,
                      const std::string& why) {
  const auto batches = averaging.statistics_batches();
  if (batches == 0 || !trains_batch_norm(model)) return;
  throw ConfigurationError("the averaging policy renews batch-norm statistics over " +
                           std::to_string(batches) + " training batches, which " + why +
                           "; set averaging.batches to 0 to keep those of the trained weights.");
}

}  // namespace gradus
