/// The comparison as types: three trainers over one ResNet10, and one over another network. Each
/// alias is a complete configuration.
#pragma once

#include "speed_net.hpp"
#include <gradus/model/resnet10.hpp>
#include <gradus/policy/accumulation/accumulate.hpp>
#include <gradus/policy/augmentation/crop_flip.hpp>
#include <gradus/policy/execution/captured_step.hpp>
#include <gradus/policy/initialization/identity_start.hpp>
#include <gradus/policy/kernels/fast_convolutions.hpp>
#include <gradus/policy/layout/channels_last.hpp>
#include <gradus/policy/loading/plain.hpp>
#include <gradus/policy/loading/prefetch.hpp>
#include <gradus/policy/loading/resident.hpp>
#include <gradus/policy/loss/cross_entropy.hpp>
#include <gradus/policy/optimizer/adamw.hpp>
#include <gradus/policy/optimizer/grouped.hpp>
#include <gradus/policy/optimizer/muon.hpp>
#include <gradus/policy/optimizer/sgd.hpp>
#include <gradus/policy/precision/mixed.hpp>
#include <gradus/policy/resolution/progressive.hpp>
#include <gradus/policy/schedule/one_cycle.hpp>
#include <gradus/policy/schedule/polynomial.hpp>
#include <gradus/policy/sharing/share_early_layer.hpp>
#include <gradus/train/edit.hpp>
#include <gradus/train/trainer.hpp>

namespace cifar10 {

using namespace gradus;

/// What one writes first: batches of 4 read in the training thread, float32, plain SGD.
using Unoptimized = Trainer<ResNet10, Preset<Plain{.batch_size = 4}>, Preset<SGD{.lr = 0.01}>>;

/// The policies of the recipe: large prefetched batches, mixed precision, accumulation, AdamW
/// under OneCycle, a shared early layer; and blocks that start as identities, images mirrored by
/// turns, smoothed labels, the channels of a pixel side by side in memory.
using Optimized =
    Trainer<ResNet10, Preset<Prefetch{.batch_size = 256, .workers = 2}>, Mixed,
            Preset<Accumulate{.steps = 2}>,
            Preset<AdamW{.beta2 = 0.98, .weight_decay = 0.2, .decay = Decay::weights}>,
            Preset<OneCycle{.max_lr = 0.02, .pct_start = 0.2}>, ShareEarlyLayer, IdentityStart,
            ChannelsLast, Preset<CropFlip{.padding = 0, .flip = Flip::alternating}>,
            Preset<CrossEntropy{.label_smoothing = 0.2}>>;

/// The policies of `Optimized`, and what else we found: small images first, and Muon, which learns
/// more from a step. On a CPU, convolutions of our own; on CUDA, data that lies on the device and
/// the whole step as one graph, for which momentum has to be constant.
using Fastest = with<Optimized, Preset<Resident{.batch_size = 256}>,
                     Preset<CropFlip{.padding = 1, .flip = Flip::alternating}>,
                     Preset<Progressive{.delay_fraction = 0.3, .finetune_fraction = 0.3}>,
                     Preset<Muon{.lr = 0.1,
                                 .momentum = 0.8,
                                 .weight_decay = 0.1,
                                 .fallback = {.lr = 0.03, .beta1 = 0.85, .beta2 = 0.98}}>,
                     Preset<OneCycle{.max_lr = 0.1, .pct_start = 0.2, .cycle_momentum = false}>,
                     FastConvolutions, CapturedStep>;

/// Aims at 94 % in the least time on one GPU; docs/why/speed.md says how far it is. A network with
/// half of ResNet10's arithmetic, large batches, and Muon for its convolutions, whose weights keep
/// their size; plain momentum updates the last layer and the biases, for which the small outputs
/// make gradients small and rates large. The numbers are those of Jordan's airbench94_muon.py, for
/// the mean over a batch in place of its sum.
using Record = Trainer<
    SpeedNet, Preset<Resident{.batch_size = 2000}>, Mixed, ChannelsLast, FastConvolutions,
    CapturedStep, IdentityStart,
    Preset<CropFlip{.padding = 2, .flip = Flip::alternating, .padding_mode = PaddingMode::reflect}>,
    Preset<CrossEntropy{.label_smoothing = 0.2}>, Polynomial,
    Grouped<Preset<Muon{.lr = 0.24,
                        .momentum = 0.6,
                        .weight_decay = 0,
                        .normalize_weights = true,
                        .newton_schulz_steps = 3}>,
            GroupWith<
                Preset<SGD{.lr = 1340, .momentum = 0.85, .weight_decay = 3e-6, .nesterov = true}>>{
                .parameters = "head.*"},
            GroupWith<
                Preset<SGD{.lr = 106, .momentum = 0.85, .weight_decay = 3.8e-5, .nesterov = true}>>{
                .parameters = "*.bias"}>>;

/// Epochs of `Record` where none are asked for.
inline constexpr std::int64_t record_epochs = 18;

}  // namespace cifar10
