/// Runs of the main job in small, for the tests of whole runs.
#pragma once

#include <gradus/checkpoint/weights.hpp>
#include <gradus/data/image_dataset.hpp>
#include <gradus/model/resnet10.hpp>
#include <gradus/policy/accumulation/accumulate.hpp>
#include <gradus/policy/augmentation/crop_flip.hpp>
#include <gradus/policy/averaging/ema.hpp>
#include <gradus/policy/clipping/clip_norm.hpp>
#include <gradus/policy/layout/channels_last.hpp>
#include <gradus/policy/loading/prefetch.hpp>
#include <gradus/policy/mixing/mixup.hpp>
#include <gradus/policy/optimizer/adamw.hpp>
#include <gradus/policy/precision/mixed.hpp>
#include <gradus/policy/resolution/progressive.hpp>
#include <gradus/policy/schedule/one_cycle.hpp>
#include <gradus/policy/sharing/share_early_layer.hpp>
#include <gradus/train/trainer.hpp>

#include <cstdint>
#include <vector>

namespace semantics {

using namespace gradus;

/// Images of noise, as many as asked for.
inline data::ImageDataset noise(std::int64_t count) {
  const auto generator = at::detail::createCPUGenerator(5);
  return {torch::randint(0, 256, {count, 3, 32, 32}, generator, torch::kByte),
          torch::randint(0, 10, {count}, generator, torch::kLong),
          {.mean = {0.5F, 0.5F, 0.5F}, .deviation = {0.25F, 0.25F, 0.25F}}};
}

inline ResNet10 small_net() {
  torch::manual_seed(0);
  return ResNet10(ResNet10Options{.width = 4});
}

template <class... Policies>
using Run = Trainer<ResNet10, Preset<Prefetch{.batch_size = 4, .workers = 2}>,
                    Preset<Accumulate{.steps = 2}>, Policies...>;

/// As in the main job.
using Everything =
    Run<Preset<Mixed{.type = MixedType::bfloat16}>, Preset<AdamW{.lr = 0.01}>, OneCycle,
        ShareEarlyLayer, CropFlip, ChannelsLast, Progressive, ClipNorm, EMA, Mixup>;

/// Parameters and buffers of what `trainer` trains, in one vector on the CPU.
template <class T>
at::Tensor weights(T& trainer) {
  std::vector<at::Tensor> flat;
  for (const auto& [name, tensor] : named_state(*trainer.model())) {
    flat.push_back(tensor.detach().flatten().to(at::kCPU, at::kDouble));
  }
  return at::cat(flat);
}

inline const RunSettings two_epochs{
    .seed = 3, .epochs = 2, .device = c10::kCPU, .log_every_steps = 2};

}  // namespace semantics
