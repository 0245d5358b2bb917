/// A copy of a trainer's model.
#pragma once

#include <gradus/train/trainer.hpp>

#include <memory>

namespace gradus {

/// A copy with weights and statistics of its own, in which shared weights are shared as in the
/// original: LibTorch's `clone` alone takes them apart. The module must be a torch::nn::Cloneable;
/// c10::Error says so if it is not.
template <class T>
typename T::model_type clone_model(T& trainer) {
  using Module = typename T::model_type::ContainedType;
  typename T::model_type copy(std::dynamic_pointer_cast<Module>(trainer.model()->clone()));
  trainer.policies().template at<slot::sharing>().tie(copy);
  return copy;
}

}  // namespace gradus
