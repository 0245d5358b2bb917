/// A model that looks at images twice.
#pragma once

#include <gradus/core/batch.hpp>
#include <gradus/error.hpp>

#include <ATen/TensorOperators.h>
#include <ATen/core/Tensor.h>

namespace gradus {

/// Its outputs are the means over each image [N, C, H, W] and its mirror image.
template <class M>
class MirroredModel {
 public:
  explicit MirroredModel(M& model) : model_(&model) {}

  [[nodiscard]] const MirroredModel* operator->() const { return this; }
  [[nodiscard]] at::Tensor forward(const at::Tensor& images) const {
    return ((*model_)->forward(images) + (*model_)->forward(images.flip({3}))) / 2;
  }

 private:
  M* model_;
};

/// Whether a task gives the model `batch.input` alone, so that it can be mirrored.
template <class Task, class B>
inline constexpr bool mirrors = HasInput<B> && requires { Task::mirrors; };

/// Throws ConfigurationError if it does not.
template <class Task, class B>
void check_mirrors() {
  if constexpr (!mirrors<Task, B>) {
    throw ConfigurationError(
        "evaluate_flipped mirrors the images of Supervised, but this run has another task or "
        "batches without `input`; leave it out.");
  }
}

}  // namespace gradus
