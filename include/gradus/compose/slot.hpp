/// The axes a policy can fill, as tags, and what makes a type a policy. No torch header is needed
/// here.
#pragma once

#include <concepts>
#include <string_view>
#include <type_traits>

namespace gradus {

/// One tag per axis. Its name is the folder under `policy/` and the first half of
/// `axis.field=value`.
namespace slot {

/// The numeric type of the forward pass. Policies: Float32, Mixed.
struct precision {
  static constexpr std::string_view name = "precision";
};
/// Micro-batches of one optimizer step. Policies: NoAccumulation, Accumulate.
struct accumulation {
  static constexpr std::string_view name = "accumulation";
};
/// How gradients update the weights. Policies: SGD, AdamW, Muon and others.
struct optimizer {
  static constexpr std::string_view name = "optimizer";
};
/// The learning rate of each step, and for some the momentum. Policies: Constant, OneCycle, Cosine
/// and others.
struct schedule {
  static constexpr std::string_view name = "schedule";
};
/// Parameters that several modules share. Policies: NoSharing, ShareEarlyLayer, TieWeights.
struct sharing {
  static constexpr std::string_view name = "sharing";
};
/// Who reads the training batches, and how many ahead. Policies: Plain, Prefetch, Resident.
struct loading {
  static constexpr std::string_view name = "loading";
};
/// Which samples a pass visits, and in which order. Policies: Shuffle, InOrder, ClassBalanced,
/// WeightedSampling.
struct sampling {
  static constexpr std::string_view name = "sampling";
};
/// How each training image is varied. Policies: NoAugmentation, CropFlip, RandomErasing.
struct augmentation {
  static constexpr std::string_view name = "augmentation";
};
/// Memory order of tensors [N, C, H, W]. Policies: Contiguous, ChannelsLast.
struct layout {
  static constexpr std::string_view name = "layout";
};
/// The size that training images are resized to. Policies: FullResolution, Progressive.
struct resolution {
  static constexpr std::string_view name = "resolution";
};
/// The function that training minimizes. Policies: CrossEntropy, SquaredError and others.
struct loss {
  static constexpr std::string_view name = "loss";
};
/// What a step computes from a batch. Policies: Supervised, NextToken, Reconstruction,
/// Distillation.
struct task {
  static constexpr std::string_view name = "task";
};
/// What an evaluation reports beside the loss; a trainer may have several. Policies: Accuracy,
/// TopK, Auroc and others.
struct metric {
  static constexpr std::string_view name = "metric";
  static constexpr bool allows_several = true;
};
/// The weights that training begins with. Policies: AsMade, IdentityStart.
struct initialization {
  static constexpr std::string_view name = "initialization";
};
/// Parameters that are not trained, and until when. Policies: NoFreezing, Freeze.
struct freezing {
  static constexpr std::string_view name = "freezing";
};
/// Blending of the samples of a batch. Policies: NoMixing, Mixup, CutMix.
struct mixing {
  static constexpr std::string_view name = "mixing";
};
/// Bounds on gradients. Policies: NoClipping, ClipNorm, ClipValue.
struct clipping {
  static constexpr std::string_view name = "clipping";
};
/// Averages of the weights, to evaluate with. Policies: NoAveraging, EMA, SWA.
struct averaging {
  static constexpr std::string_view name = "averaging";
};
/// What is done about losses and gradients that are not finite. Policy: Guard.
struct guard {
  static constexpr std::string_view name = "guard";
};
/// Whether a run ends before its planned epochs. Policies: AllEpochs, EarlyStop.
struct stopping {
  static constexpr std::string_view name = "stopping";
};
/// How the operators of a step reach the device. Policies: Eager, CapturedStep.
struct execution {
  static constexpr std::string_view name = "execution";
};
/// What computes a model's operators. Policies: LibraryKernels, FastConvolutions.
struct kernels {
  static constexpr std::string_view name = "kernels";
};
/// Which processes share the work of a run. Policies: SingleProcess, DataParallel.
struct distribution {
  static constexpr std::string_view name = "distribution";
};

}  // namespace slot

/// An aggregate of hyperparameters that says which axis it fills (`using slot = slot::optimizer;`,
/// the opt-in), what it is called (`static constexpr std::string_view name`) and which numbers it
/// has (`static constexpr auto fields()`, see compose/field.hpp).
template <class P>
concept Policy = std::is_aggregate_v<P> && std::is_default_constructible_v<P> && requires {
  { P::slot::name } -> std::convertible_to<std::string_view>;
  { P::name } -> std::convertible_to<std::string_view>;
  P::fields();
};

/// A policy of one axis.
template <class P, class Slot>
concept PolicyOf = Policy<P> && std::is_same_v<typename P::slot, Slot>;

/// A policy type with numbers of its own as defaults: `Preset<AdamW{.lr = 0.02}>` stands wherever
/// `AdamW` could, so that an alias is a complete configuration. Numbers can still be set at run
/// time.
template <auto Values>
struct Preset {
  using policy = std::remove_cvref_t<decltype(Values)>;
  static constexpr policy values = Values;
};

}  // namespace gradus
