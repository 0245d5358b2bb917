/// How a device may compute: what LibTorch keeps as switches of the whole process, declared per
/// run.
#pragma once

#include <gradus/error.hpp>

#include <atomic>
#include <string>

namespace gradus {

/// The defaults are those of exact float32 that is the same whatever ran before; why is in
/// docs/why/math.md. Only `deterministic` has an effect on the CPU.
struct MathSettings {
  /// Whether CUDA may round the factors of float32 products to 10 bits of mantissa, in
  /// convolutions, recurrent layers and matrix products alike.
  bool tf32 = false;
  /// Whether cuDNN times its algorithms for each new shape and keeps the fastest. What it picks,
  /// and so the rounding, can differ from run to run.
  bool cudnn_benchmark = false;
  /// Whether every operator must give the same bits each time; one that cannot is an error.
  bool deterministic = false;
  /// Whether CUDA computes batch norm, sum and ReLU of models that use `norm_relu` by kernels of
  /// gradus's own, which NVRTC compiles. No GPU has run them yet, so it is off.
  bool fused_norms = false;

  bool operator==(const MathSettings&) const = default;
};

/// Whether the run that computes now has `fused_norms`.
inline std::atomic<bool>& fused_norms_allowed() {
  static std::atomic<bool> allowed = false;
  return allowed;
}

/// Returns `math`. Throws ConfigurationError for switches that contradict each other.
inline const MathSettings& checked(const MathSettings& math) {
  if (math.deterministic && math.cudnn_benchmark) {
    throw ConfigurationError(
        "deterministic and cudnn_benchmark are both true, but what cuDNN measures differs from "
        "run to run; leave out one of them.");
  }
  return math;
}

/// What float32 arithmetic is on a device, in words, for results.
inline std::string float32_arithmetic(const MathSettings& math, bool on_cuda) {
  if (!on_cuda) return "IEEE float32";
  return math.tf32 ? "TF32 products, float32 sums" : "IEEE float32, TF32 off";
}

}  // namespace gradus
