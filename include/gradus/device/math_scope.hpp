/// Sets the process's switches of arithmetic for a while, and sets them back.
#pragma once

#include <gradus/device/device.hpp>
#include <gradus/device/math_settings.hpp>
#include <gradus/error.hpp>

#include <ATen/Context.h>
#include <c10/util/Exception.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdlib>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

namespace gradus {

namespace detail {

/// All that a MathScope changes, as it was.
class MathState {
 public:
  MathState() {
    const auto& context = at::globalContext();
    try {
      tf32_cudnn_ = context.allowTF32CuDNN();
      tf32_cublas_ = context.allowTF32CuBLAS();
      medium_ =
          tf32_cublas_ && context.float32MatmulPrecision() == at::Float32MatmulPrecision::MEDIUM;
    } catch (const c10::Error&) {  // LibTorch answers neither question then
      throw ConfigurationError(
          "this process has set TF32 by LibTorch's older and newer interface at once, and they "
          "disagree; set it by setAllowTF32CuDNN and setAllowTF32CuBLAS alone, or not at all, for "
          "a run sets it itself.");
    }
    for (std::size_t i = 0; i < operators.size(); ++i) precisions_[i] = precision(operators[i]);
    benchmark_ = context.benchmarkCuDNN();
    deterministic_cudnn_ = context.deterministicCuDNN();
    deterministic_mkldnn_ = context.deterministicMkldnn();
    deterministic_ = context.deterministicAlgorithms();
    warn_only_ = context.deterministicAlgorithmsWarnOnly();
    fused_norms_ = fused_norms_allowed();
  }

  void restore() const {
    auto& context = at::globalContext();
    set_tf32(tf32_cudnn_, tf32_cublas_);
    if (medium_) context.setFloat32MatmulPrecision("medium");
    for (std::size_t i = 0; i < operators.size(); ++i) {
      if (precision(operators[i]) != precisions_[i]) set_precision(operators[i], precisions_[i]);
    }
    context.setBenchmarkCuDNN(benchmark_);
    context.setDeterministicCuDNN(deterministic_cudnn_);
    context.setDeterministicMkldnn(deterministic_mkldnn_);
    context.setDeterministicAlgorithms(deterministic_, warn_only_);
    fused_norms_allowed() = fused_norms_;
  }

  static void set(const MathSettings& math) {
    auto& context = at::globalContext();
    set_tf32(math.tf32, math.tf32);
    // Else "off" would mean "as the setting for all operators says".
    for (const auto op : operators) {
      if (!math.tf32) set_precision(op, at::Float32Precision::IEEE);
    }
    context.setBenchmarkCuDNN(math.cudnn_benchmark);
    context.setDeterministicCuDNN(math.deterministic);
    context.setDeterministicMkldnn(math.deterministic);
    context.setDeterministicAlgorithms(math.deterministic, /*warn_only=*/false);
    fused_norms_allowed() = math.fused_norms;
  }

 private:
  static constexpr std::array operators{at::Float32Op::CONV, at::Float32Op::RNN,
                                        at::Float32Op::MATMUL};

  static at::Float32Precision precision(at::Float32Op op) {
    return at::globalContext().float32Precision(at::Float32Backend::CUDA, op);
  }
  static void set_precision(at::Float32Op op, at::Float32Precision precision) {
    at::globalContext().setFloat32Precision(at::Float32Backend::CUDA, op, precision);
  }
  /// By the older interface, which keeps the newer one in step; the reverse does not hold, and
  /// LibTorch 2.11 throws for a process where they disagree.
  static void set_tf32(bool cudnn, bool cublas) {
    at::globalContext().setAllowTF32CuDNN(cudnn);
    at::globalContext().setAllowTF32CuBLAS(cublas);
  }

  bool tf32_cudnn_ = false, tf32_cublas_ = false, medium_ = false;
  std::array<at::Float32Precision, operators.size()> precisions_{};
  bool benchmark_ = false, deterministic_cudnn_ = false, deterministic_mkldnn_ = false;
  bool deterministic_ = false, warn_only_ = false, fused_norms_ = false;
};

}  // namespace detail

/// While it lives the process computes as `math` says; then as before. Scopes of one thread nest.
/// Those of two threads must agree, for the switches are the process's: the later one throws
/// ConfigurationError. It also throws if `deterministic` is asked of a CUDA device without
/// CUBLAS_WORKSPACE_CONFIG, which cuBLAS reads when it starts.
class MathScope {
 public:
  explicit MathScope(const MathSettings& math) {
    check_cublas(checked(math));
    const std::lock_guard lock(mutex());
    const auto thread = std::this_thread::get_id();
    for (const auto& other : live()) {
      if (other.thread != thread && other.math != math) {
        throw ConfigurationError(
            "another run of this process computes under other settings of tf32, "
            "cudnn_benchmark, fused_norms or deterministic; give both the same, or run one after "
            "the other.");
      }
    }
    if (live().empty()) before().emplace();
    live().push_back({this, thread, math});
    detail::MathState::set(math);
  }

  MathScope(const MathScope&) = delete;
  MathScope& operator=(const MathScope&) = delete;

  ~MathScope() {
    const std::lock_guard lock(mutex());
    const auto mine = std::find_if(live().begin(), live().end(),
                                   [this](const Live& scope) { return scope.scope == this; });
    live().erase(mine);
    if (live().empty()) {
      before()->restore();
    } else {
      detail::MathState::set(live().back().math);
    }
  }

 private:
  struct Live {
    const MathScope* scope;
    std::thread::id thread;
    MathSettings math;
  };

  static std::mutex& mutex() {
    static std::mutex mutex;
    return mutex;
  }
  static std::vector<Live>& live() {
    static std::vector<Live> scopes;
    return scopes;
  }
  static std::optional<detail::MathState>& before() {
    static std::optional<detail::MathState> state;
    return state;
  }

  static void check_cublas(const MathSettings& math) {
    if (!math.deterministic || cuda_device_count() == 0) return;
    const char* set = std::getenv("CUBLAS_WORKSPACE_CONFIG");
    const std::string found = set == nullptr ? "" : set;
    if (found == ":4096:8" || found == ":16:8") return;
    throw ConfigurationError(
        "deterministic is asked for, but CUBLAS_WORKSPACE_CONFIG is '" + found +
        "'; set it to :4096:8 before the program starts, for cuBLAS reads it when it does.");
  }
};

}  // namespace gradus
