/// Small runs of the main job, for the checks of training.
#pragma once

#include "check.hpp"
#include <gradus/core/state_dict.hpp>
#include <gradus/model/resnet10.hpp>
#include <gradus/policy/augmentation/crop_flip.hpp>
#include <gradus/policy/loading/prefetch.hpp>
#include <gradus/policy/optimizer/sgd.hpp>
#include <gradus/train/trainer.hpp>

#include <torch/utils.h>

#include <algorithm>
#include <cstdint>

namespace cifar10::checks {

inline constexpr std::int64_t small_width = 8;  // channels of stage 1
inline constexpr std::int64_t small_batch = 16;
inline constexpr std::int64_t small_steps = 10;

using Small =
    gradus::Trainer<gradus::ResNet10, gradus::Preset<gradus::Prefetch{.batch_size = small_batch}>,
                    gradus::Preset<gradus::SGD{.lr = 0.02}>, gradus::CropFlip>;

inline gradus::data::ImageDataset small_data(const Subject& subject) {
  return subject.data.train.take(std::min(subject.data.train.size(), small_batch * small_steps));
}

inline gradus::ResNet10 small_net() {
  torch::manual_seed(0);
  return gradus::ResNet10(gradus::ResNet10Options{.width = small_width});
}

/// Equal bits each time: on CUDA that must be asked for.
inline gradus::RunSettings small_run(c10::Device device) {
  return {.seed = 0,
          .epochs = 1,
          .device = device,
          .log_every_steps = 1,
          .sanity_samples = 0,
          .math = {.deterministic = device.is_cuda()}};
}

inline bool same_bits(const gradus::StateDict& a, const gradus::StateDict& b) {
  const auto& left = a.entries();
  const auto& right = b.entries();
  return std::equal(
      left.begin(), left.end(), right.begin(), right.end(), [](const auto& one, const auto& other) {
        const bool seconds = one.name.starts_with("time/");
        return one.name == other.name && (seconds || one.tensor.cpu().equal(other.tensor.cpu()));
      });
}

}  // namespace cifar10::checks
