/// The gradient of a convolution's filters in bfloat16, by products of blocks.
#pragma once

#include <gradus/kernel/convolution_shape.hpp>
#include <gradus/kernel/elements.hpp>
#include <gradus/kernel/for_chunks.hpp>
#include <gradus/kernel/instruction_set.hpp>
#include <gradus/kernel/micro_kernel.hpp>
#include <gradus/kernel/pairs.hpp>
#include <gradus/kernel/pixel_blocks.hpp>
#include <gradus/kernel/seen_rows.hpp>

#include <ATen/core/Tensor.h>
#include <ATen/ops/empty.h>
#include <c10/util/BFloat16.h>

#include <algorithm>
#include <cstdint>

namespace gradus::kernel {

/// dw [O, k, k, C] from x [N, H, W, C] and the gradients dy [N, H', W', O] of outputs.
///
/// A block of pixels is the inner dimension of its products. dy is transposed to [O, pixels]; x is
/// interleaved to pairs of pixels [pixels / 2, k * channels, 2], with what its k taps across see
/// side by side, so that a tap down is an offset of rows. Per block and panel of channels there are
/// k products, which add to float32 sums [O, k * channels]. For 3 x 3 of C to O channels a pixel
/// costs 9 C O multiplications; 2 O bytes are written transposed and 6 C interleaved, by moves of
/// whole vectors, so that a block of 512 to 1024 pixels stays in a cache of 2 MB with its sums.
///
/// What is added in which order depends on the shape alone, not on threads. Pixels outside of
/// images count as zeros, which are multiplied too.
template <MicroKernel Kernel>
class BlockedWeightGradient {
 public:
  BlockedWeightGradient(const ConvolutionShape& shape, const c10::BFloat16* x,
                        const c10::BFloat16* dy, c10::BFloat16* dw)
      : shape_(shape),
        blocks_(
            blocks_for(shape.out(), down(), {shape.out_channels <= outs ? 2 * deep : deep, strip})),
        x_(as_bits(x), shape.in, down(), across(), blocks_),
        dy_(as_bits(dy), shape.out(), {shape.out().height, 1}, {shape.out().width, 1}, blocks_),
        dw_(dw) {}

  void run() const {
    if (slices_ > 1) {
      by_slices();
    } else {
      by_panels();
    }
  }

 private:
  static constexpr std::int64_t few_weights = 128 * 128 * 9;
  static constexpr std::int64_t deep = 512;          ///< pixels of a product, at most
  static constexpr std::int64_t outs = 128;          ///< rows of a product, at most
  static constexpr std::int64_t strip = 2 * square;  ///< pixels that are transposed at once

  [[nodiscard]] PassAxis down() const {
    return {shape_.out().height, shape_.taps, shape_.stride, -shape_.padding};
  }
  [[nodiscard]] PassAxis across() const {
    return {shape_.out().width, shape_.taps, shape_.stride, -shape_.padding};
  }
  static const c10::BFloat16* as_numbers(const Pair* data) {
    return reinterpret_cast<const c10::BFloat16*>(data);
  }

  /// Each slice of blocks has sums of its own, added in order in the end.
  void by_slices() const {
    const auto count = blocks_.blocks();
    const at::Tensor sums = floats(slices_ * sums_size());
    for_chunks(slices_, [&](std::int64_t from, std::int64_t to) {
      const MicroKernelScope<Kernel> scope;
      const at::Tensor gradients = pairs(gradients_size()), data = pairs(data_size());
      for (auto slice = from; slice < to; ++slice) {
        float* sum = sums.mutable_data_ptr<float>() + slice * sums_size();
        std::fill_n(sum, sums_size(), 0.0F);
        for (auto block = slice * count / slices_; block < (slice + 1) * count / slices_; ++block) {
          transpose(block, pointer(gradients));
          for (std::int64_t which = 0; which < panels(); ++which) {
            gather(block, which, pointer(data));
            for (std::int64_t out = 0; out < shape_.out_channels; out += outs) {
              multiply(which, out, pointer(gradients), pointer(data), sum);
            }
          }
        }
      }
    });
    finish(sums.const_data_ptr<float>());
  }

  /// All gradients are transposed once; a thread has panels of channels, where those are few for
  /// groups of outputs only.
  void by_panels() const {
    const auto groups = panels() < 8 ? parts_of(shape_.out_channels, outs) : 1;
    const auto group = groups > 1 ? outs : shape_.out_channels;
    const at::Tensor sums = floats(sums_size());
    const at::Tensor gradients = pairs(blocks_.blocks() * gradients_size());
    for_chunks(blocks_.blocks(), [&](std::int64_t from, std::int64_t to) {
      for (auto block = from; block < to; ++block) {
        transpose(block, pointer(gradients) + block * gradients_size());
      }
    });
    for_chunks(panels() * groups, [&](std::int64_t from, std::int64_t to) {
      const MicroKernelScope<Kernel> scope;
      const at::Tensor data = pairs(data_size());
      float* sum = sums.mutable_data_ptr<float>();
      for (auto task = from; task < to; ++task) {
        const auto which = task / groups, first = task % groups * group;
        const auto last = std::min(first + group, shape_.out_channels);
        for (std::int64_t tap = 0; tap < shape_.taps; ++tap) {
          std::fill(sum + sums_at(which, tap, first), sum + sums_at(which, tap, last), 0.0F);
        }
        for (std::int64_t block = 0; block < blocks_.blocks(); ++block) {
          gather(block, which, pointer(data));
          for (auto out = first; out < last; out += outs) {
            multiply(which, out, pointer(gradients) + block * gradients_size(), pointer(data), sum);
          }
        }
      }
    });
    finish(sums.const_data_ptr<float>());
  }

  /// One, or some where the weights are few and pixels many.
  [[nodiscard]] std::int64_t slices() const {
    const auto many = std::min<std::int64_t>(shape_.out().pixels() / 2048, 16);
    if (shape_.out_channels * shape_.patch() > few_weights || many < 4) return 1;
    return std::min(many, blocks_.blocks());
  }
  /// Channels of a panel: with their taps across, 64 columns or more.
  [[nodiscard]] std::int64_t width() const {
    if (shape_.taps > 3) return 16;
    return shape_.taps == 1 || slices_ > 1 ? 64 : 32;
  }
  [[nodiscard]] std::int64_t panels() const { return parts_of(shape_.in.channels, width_); }
  [[nodiscard]] std::int64_t channels(std::int64_t which) const {
    return std::min(width_, shape_.in.channels - which * width_);
  }
  /// Column j * channels + c is of tap j and channel c.
  [[nodiscard]] std::int64_t columns(std::int64_t which) const {
    return rounded_up(shape_.taps * channels(which), 16);
  }

  /// Sums lie as [panels, k, O, columns].
  [[nodiscard]] std::int64_t sums_at(std::int64_t which, std::int64_t tap, std::int64_t out) const {
    const auto before = which * shape_.taps * shape_.out_channels * columns(0);
    return before + (tap * shape_.out_channels + out) * columns(which);
  }
  [[nodiscard]] std::int64_t sums_size() const { return sums_at(panels() - 1, shape_.taps, 0); }
  /// Gradients of a block lie as [O, gradients_step] pairs of pixels, not a power of two of them.
  [[nodiscard]] std::int64_t gradients_step() const { return (blocks_.pixels() + strip) / 2; }
  [[nodiscard]] std::int64_t gradients_size() const {
    return shape_.out_channels * gradients_step();
  }
  [[nodiscard]] std::int64_t data_size() const { return x_.pixels() / 2 * columns(0); }

  static at::Tensor floats(std::int64_t count) { return at::empty({count}, at::kFloat); }
  static at::Tensor pairs(std::int64_t count) { return at::empty({count}, at::kInt); }
  static Pair* pointer(const at::Tensor& of_pairs) {
    return static_cast<Pair*>(of_pairs.mutable_data_ptr());
  }

  void transpose(std::int64_t block, Pair* to) const {
    run_wide([&](auto set) __attribute__((always_inline)) {
      dy_.transposed<decltype(set)>(block, to, gradients_step());
    });
  }
  void gather(std::int64_t block, std::int64_t which, Pair* to) const {
    run_wide([&](auto set) __attribute__((always_inline)) {
      x_.pairs<decltype(set)>(block, which * width_, channels(which), columns(which), to);
    });
  }

  /// Adds to `sums` what a block says of a panel's channels and of outputs from `out` on.
  void multiply(std::int64_t which, std::int64_t out, const Pair* gradients, const Pair* data,
                float* sums) const {
    const auto wide = columns(which), pixels = blocks_.pixels();
    const auto length = rounded_up(parts_of(pixels, parts_of(pixels, deep)), strip);
    for (std::int64_t tap = 0; tap < shape_.taps; ++tap) {
      const Pair* right = data + x_.slots().of_tap(tap) * blocks_.pitch / 2 * wide;
      for (std::int64_t first = 0; first < pixels; first += length) {
        Kernel::multiply({std::min(outs, shape_.out_channels - out), wide,
                          std::min(length, pixels - first), 2 * gradients_step(), wide, wide,
                          /*adds=*/true},
                         as_numbers(gradients + out * gradients_step() + first / 2),
                         as_numbers(right + first / 2 * wide), sums + sums_at(which, tap, out));
      }
    }
  }

  /// Adds the slices, and rounds once.
  void finish(const float* sums) const {
    for_chunks(shape_.out_channels, [&](std::int64_t from, std::int64_t to) {
      run_wide([&](auto) __attribute__((always_inline)) {
        for (auto out = from; out < to; ++out) {
          for (std::int64_t tap = 0; tap < shape_.taps * shape_.taps; ++tap) {
            c10::BFloat16* row = dw_ + (out * shape_.taps * shape_.taps + tap) * shape_.in.channels;
            for (std::int64_t which = 0; which < panels(); ++which, row += width_) {
              const auto count = channels(which);
              add_slices(sums + sums_at(which, tap / shape_.taps, out) + tap % shape_.taps * count,
                         count, row);
            }
          }
        }
      });
    });
  }
  [[gnu::always_inline]] void add_slices(const float* sums, std::int64_t count,
                                         c10::BFloat16* to) const {
    float total[64];
    std::copy_n(sums, count, total);
    for (std::int64_t slice = 1; slice < slices_; ++slice) {
      const float* part = sums + slice * sums_size();
      for (std::int64_t c = 0; c < count; ++c) total[c] += part[c];
    }
    for (std::int64_t c = 0; c < count; ++c) store(to[c], total[c]);
  }

  ConvolutionShape shape_;
  PixelBlocks blocks_;
  SeenRows x_, dy_;
  c10::BFloat16* dw_;
  std::int64_t slices_ = slices(), width_ = width();
};

/// Gradient [O, C, k, k] of the weights, channels side by side, of x and dy that have them so.
template <MicroKernel Kernel>
at::Tensor weight_gradient_by_blocks(const ConvolutionShape& shape, const at::Tensor& dy,
                                     const at::Tensor& x) {
  auto dw = at::empty({shape.out_channels, shape.in.channels, shape.taps, shape.taps},
                      x.options().memory_format(at::MemoryFormat::ChannelsLast));
  BlockedWeightGradient<Kernel>(shape, x.const_data_ptr<c10::BFloat16>(),
                                dy.const_data_ptr<c10::BFloat16>(),
                                dw.mutable_data_ptr<c10::BFloat16>())
      .run();
  return dw;
}

}  // namespace gradus::kernel
