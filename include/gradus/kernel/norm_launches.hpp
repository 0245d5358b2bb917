/// `norm_relu` by CUDA kernels: what is launched, over which memory.
#pragma once

#include <gradus/device/cuda_program.hpp>

#include <ATen/core/Tensor.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/empty_like.h>

#include <algorithm>
#include <cstdint>
#include <utility>

namespace gradus::kernel {

/// Whether `x` [N, C, H, W], channels side by side, can be read in packs of 16 bytes.
inline bool in_packs(const at::Tensor& x) {
  constexpr std::int64_t pack = 16;
  return x.size(1) % 8 == 0 && reinterpret_cast<std::uintptr_t>(x.const_data_ptr()) % pack == 0;
}

/// A norm and what it is applied to; all but x are float32 [C].
struct NormInput {
  at::Tensor x, weight, bias, mean, inverse_std;
  bool from_batch = true;  ///< whether mean and inverse_std are those of x
};

/// What becomes of running statistics: they go part of the way to those of the batch.
struct NormUpdate {
  at::Tensor running_mean, running_var;  ///< [C], float32
  double part = 0;                       ///< 0: they are not touched
};

struct NormStatistics {
  at::Tensor mean, inverse_std;
};
struct NormGradient {
  at::Tensor x, weight, bias;
};

/// The passes over tensors [N, C, H, W] with channels side by side, C a multiple of 8. `Launch` is
/// CudaProgram over `norm_kernels`, or a double of it; each of its calls makes new memory, since
/// nothing is waited for.
template <class Launch>
class NormLaunches {
 public:
  /// Of tensors like `x`.
  NormLaunches(const Launch& launch, const at::Tensor& x)
      : launch_(launch),
        channels_(static_cast<int>(x.size(1))),
        rows_(x.numel() / x.size(1)),
        packs_(static_cast<unsigned>(channels_) / (x.element_size() == 2 ? 8 : 4)),
        block_{across(packs_), threads / across(packs_)},
        grid_{(packs_ + block_.x - 1) / block_.x, blocks_down()} {}

  [[nodiscard]] NormStatistics statistics(const at::Tensor& x, double eps,
                                          const NormUpdate& update) const {
    const auto partial = partial_sums(2, x);
    NormStatistics found{per_channel(x), per_channel(x)};
    const bool updates = update.part > 0;
    launch_("forward_sums", grid_, block_, at_of(x), rows_, channels_, floats(partial));
    launch_("forward_ends", ends_grid(), ends_block, cfloats(partial), static_cast<int>(grid_.y),
            at_of(x), rows_, channels_, eps, update.part, floats(found.mean),
            floats(found.inverse_std), updates ? floats(update.running_mean) : nullptr,
            updates ? floats(update.running_var) : nullptr);
    return found;
  }

  /// relu(norm(x) [+ shortcut]), or relu(norm(x) + other(shortcut)).
  [[nodiscard]] at::Tensor forward(const NormInput& norm, const at::Tensor& shortcut,
                                   const NormInput* other) const {
    auto y = at::empty_like(norm.x);
    launch_("forward", grid_, block_, at_of(norm.x), pointers(norm),
            shortcut.defined() ? at_of(shortcut) : nullptr, other ? pointers(*other) : Norm{},
            rows_, channels_, y.mutable_data_ptr());
    return y;
  }

  struct Gradients {
    NormGradient of;
    NormGradient of_other;  ///< of the other norm, whose `x` is the shortcut; or of that alone
  };
  /// `other` is null where the shortcut has no norm; `has_shortcut` says whether there is one.
  [[nodiscard]] Gradients backward(const at::Tensor& dy, const at::Tensor& y, const NormInput& norm,
                                   const NormInput* other, bool has_shortcut) const {
    const auto partial = partial_sums(3, norm.x);
    launch_("backward_sums", grid_, block_, at_of(dy), at_of(y), at_of(norm.x), cfloats(norm.mean),
            other ? at_of(other->x) : nullptr, other ? cfloats(other->mean) : nullptr, rows_,
            channels_, floats(partial));
    Gradients gradients;
    const auto of_x = ends(partial, 1, norm, gradients.of);
    const auto of_other = other ? ends(partial, 2, *other, gradients.of_other) : Held{};
    if (has_shortcut) gradients.of_other.x = at::empty_like(norm.x);
    launch_("backward", grid_, block_, at_of(dy), at_of(y), at_of(norm.x), of_x.pointers(),
            other ? at_of(other->x) : nullptr, of_other.pointers(), rows_, channels_,
            gradients.of.x.mutable_data_ptr(),
            has_shortcut ? gradients.of_other.x.mutable_data_ptr() : nullptr);
    return gradients;
  }

 private:
  static constexpr unsigned threads = 256;
  static constexpr LaunchSize ends_block{32, 8};

  /// As the kernels have them.
  struct Norm {
    const float *weight = nullptr, *bias = nullptr, *mean = nullptr, *inverse_std = nullptr;
  };
  struct Coefficients {
    float *of_gradient = nullptr, *of_x = nullptr, *constant = nullptr;
  };
  struct Held {
    at::Tensor all;  ///< [3, C]
    [[nodiscard]] Coefficients pointers() const {
      if (!all.defined()) return {};
      float* first = all.mutable_data_ptr<float>();
      return {first, first + all.size(1), first + 2 * all.size(1)};
    }
  };

  /// Packs that threads of a block have beside each other: a power of two, up to a warp.
  static unsigned across(unsigned packs) {
    unsigned wide = 1;
    while (wide < 32 && wide < packs) wide *= 2;
    return wide;
  }
  /// As many blocks as keep a large device busy, each thread with some rows at least.
  [[nodiscard]] unsigned blocks_down() const {
    constexpr std::int64_t blocks = 1024, least_rows = 4;
    const std::int64_t columns = (packs_ + block_.x - 1) / block_.x;
    const auto rows = (rows_ + least_rows * block_.y - 1) / (least_rows * block_.y);
    return static_cast<unsigned>(
        std::clamp<std::int64_t>(rows, 1, std::max<std::int64_t>(blocks / columns, 1)));
  }
  [[nodiscard]] LaunchSize ends_grid() const {
    return {(static_cast<unsigned>(channels_) + ends_block.x - 1) / ends_block.x, 1};
  }

  [[nodiscard]] at::Tensor partial_sums(std::int64_t sums, const at::Tensor& like) const {
    return at::empty({grid_.y, sums, channels_}, like.options().dtype(at::kFloat));
  }
  [[nodiscard]] at::Tensor per_channel(const at::Tensor& like) const {
    return at::empty({channels_}, like.options().dtype(at::kFloat));
  }
  static const void* at_of(const at::Tensor& tensor) { return tensor.const_data_ptr(); }
  static float* floats(const at::Tensor& tensor) { return tensor.mutable_data_ptr<float>(); }
  static const float* cfloats(const at::Tensor& tensor) { return tensor.const_data_ptr<float>(); }

  static Norm pointers(const NormInput& norm) {
    return {cfloats(norm.weight), cfloats(norm.bias), cfloats(norm.mean),
            cfloats(norm.inverse_std)};
  }

  /// The gradients of what a norm has learned, and the coefficients of that of its input.
  Held ends(const at::Tensor& partial, int sum, const NormInput& norm,
            NormGradient& gradients) const {
    Held held{at::empty({3, channels_}, partial.options())};
    gradients = {at::empty_like(norm.x), per_channel(partial), per_channel(partial)};
    const Norm of{cfloats(norm.weight), nullptr, cfloats(norm.mean), cfloats(norm.inverse_std)};
    launch_("backward_ends", ends_grid(), ends_block, cfloats(partial), static_cast<int>(grid_.y),
            sum, rows_, channels_, norm.from_batch ? 1 : 0, of, held.pointers(),
            floats(gradients.weight), floats(gradients.bias));
    return held;
  }

  const Launch& launch_;
  int channels_;
  long long rows_;
  unsigned packs_;
  LaunchSize block_, grid_;
};

}  // namespace gradus::kernel
