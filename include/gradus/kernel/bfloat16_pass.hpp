/// One direction of a convolution in bfloat16 by products of blocks: from inputs to outputs, or
/// from gradients of outputs to those of inputs.
#pragma once

#include <gradus/kernel/bfloat16_filters.hpp>
#include <gradus/kernel/convolution_shape.hpp>
#include <gradus/kernel/elements.hpp>
#include <gradus/kernel/for_chunks.hpp>
#include <gradus/kernel/instruction_set.hpp>
#include <gradus/kernel/micro_kernel.hpp>
#include <gradus/kernel/pairs.hpp>
#include <gradus/kernel/pixel_blocks.hpp>
#include <gradus/kernel/seen_rows.hpp>
#include <gradus/kernel/vectors.hpp>

#include <ATen/core/Tensor.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/zeros.h>
#include <c10/util/BFloat16.h>

#include <algorithm>
#include <cstdint>
#include <vector>

namespace gradus::kernel {

/// to[i] = from[i] + added[i], rounded to the nearest.
template <class Set>
[[gnu::always_inline]] inline void add_and_round(const float* from, const float* added,
                                                 std::int64_t count, c10::BFloat16* to) {
  constexpr int lanes = Set::lanes;
  std::int64_t i = 0;
  for (; i + lanes <= count; i += lanes) {
    Vector<lanes> sum, other;
    load(sum, from + i);
    load(other, added + i);
    store(to + i, Vector<lanes>(sum + other));
  }
  for (; i < count; ++i) store(to[i], from[i] + added[i]);
}

/// Writes the pixels of `out` that `down` and `across` name, from those of `in`.
///
/// Of a block's pixels those are copied side by side that its taps across see: [rows, k * C], in a
/// buffer that stays in a cache of 1 MB. A tap down is an offset of rows in it, so that a panel of
/// 64 outputs takes k products, summed in float32 and rounded once. For 3 x 3 of C to O channels a
/// pixel costs 9 C O multiplications and the copy of 6 C bytes; filters are read once per block.
template <MicroKernel Kernel>
class BlockedPass {
 public:
  struct Of {
    Images in, out;
    PassAxis down, across;
  };

  /// `bias` [O] may be null.
  BlockedPass(const Of& of, const c10::BFloat16* x, const FilterBits& filters,
              const c10::BFloat16* bias, c10::BFloat16* y)
      : of_(of),
        filters_(filters, of.down, of.across),
        blocks_(blocks()),
        x_(as_bits(x), of.in, of.down, of.across, blocks_),
        bias_(static_cast<std::size_t>(of.out.channels)),
        y_(y) {
    for (std::size_t i = 0; bias != nullptr && i < bias_.size(); ++i) bias_[i] = load(bias[i]);
  }

  void run() const {
    for_chunks(blocks_.blocks(), [&](std::int64_t from, std::int64_t to) {
      const MicroKernelScope<Kernel> scope;
      const at::Tensor patches = at::empty({x_.pixels() * filters_.depth()}, at::kBFloat16);
      const at::Tensor sums = at::zeros({blocks_.pixels() * PackedFilters::width}, at::kFloat);
      for (auto block = from; block < to; ++block) {
        if (sees_any()) {
          x_.patches(block, static_cast<Bits*>(patches.mutable_data_ptr()), filters_.depth());
        }
        for (std::int64_t which = 0; which < filters_.panels(); ++which) {
          if (sees_any()) {
            multiply(which, patches.const_data_ptr<c10::BFloat16>(),
                     sums.mutable_data_ptr<float>());
          }
          write(block, which, sums.const_data_ptr<float>());
        }
      }
    });
  }

 private:
  static constexpr std::int64_t tall = 256;  ///< rows of a product, at most

  [[nodiscard]] bool sees_any() const { return of_.down.taps * of_.across.taps > 0; }

  /// Blocks of pixels whose patches are about half of a second-level cache, of which there are
  /// several for each of a few threads.
  [[nodiscard]] PixelBlocks blocks() const {
    const Images out{of_.out.count, of_.down.count, of_.across.count, of_.out.channels};
    const auto fit = std::clamp(192 * 1024 / std::max<std::int64_t>(filters_.depth(), 1),
                                std::int64_t{64}, tall);
    return blocks_for(out, of_.down, {std::clamp(out.pixels() / 16, std::int64_t{64}, fit), 1});
  }

  void multiply(std::int64_t which, const c10::BFloat16* patches, float* sums) const {
    const auto pixels = blocks_.pixels(), depth = filters_.depth();
    const auto wide = filters_.columns(which);
    const auto length = rounded_up(parts_of(pixels, parts_of(pixels, tall)), 16);
    for (std::int64_t first = 0; first < pixels; first += length) {
      for (std::int64_t tap = 0; tap < of_.down.taps; ++tap) {
        const auto row = x_.slots().of_tap(tap) * blocks_.pitch + first;
        Kernel::multiply({std::min(length, pixels - first), wide, depth, depth, wide,
                          PackedFilters::width, /*adds=*/tap > 0},
                         patches + row * depth,
                         reinterpret_cast<const c10::BFloat16*>(filters_.at(which, tap)),
                         sums + first * PackedFilters::width);
      }
    }
  }

  /// Adds the bias, and rounds.
  void write(std::int64_t block, std::int64_t which, const float* sums) const {
    const auto place = blocks_.place(block);
    const auto count = filters_.filled(which);
    const float* bias = bias_.data() + which * PackedFilters::width;
    run_wide([&](auto set) __attribute__((always_inline)) {
      for (std::int64_t i = 0; i < place.rows; ++i) {
        const auto row = of_.down.first_out + (place.row + i) * of_.down.out_step;
        for (std::int64_t image = 0; image < place.images; ++image) {
          c10::BFloat16* to = y_ + (place.image + image) * of_.out.size() +
                              (row * of_.out.width + of_.across.first_out) * of_.out.channels +
                              which * PackedFilters::width;
          const float* from =
              sums + (i * blocks_.pitch + image * blocks_.width) * PackedFilters::width;
          for (std::int64_t column = 0; column < blocks_.width; ++column) {
            add_and_round<decltype(set)>(from, bias, count, to);
            to += of_.across.out_step * of_.out.channels;
            from += PackedFilters::width;
          }
        }
      }
    });
  }

  Of of_;
  PackedFilters filters_;
  PixelBlocks blocks_;
  SeenRows x_;
  std::vector<float> bias_;
  c10::BFloat16* y_;
};

/// The axes of the outputs of a convolution over `length` inputs.
inline PassAxis forward_axis(const ConvolutionShape& shape, std::int64_t length) {
  return {shape.outputs_over(length), shape.taps, shape.stride, -shape.padding};
}

/// Those of the gradients of inputs `first`, `first + stride`, ... of `length`: tap i of the filter
/// brings input h to output (h + padding - i) / stride where that is whole, so each stride-th tap.
inline PassAxis input_gradient_axis(const ConvolutionShape& shape, std::int64_t length,
                                    std::int64_t first) {
  const auto least = (first + shape.padding) % shape.stride;  // of those taps
  PassAxis axis{parts_of(length - first, shape.stride),
                least < shape.taps ? parts_of(shape.taps - least, shape.stride) : 0};
  axis.first_in = (first + shape.padding) / shape.stride - axis.taps + 1;
  axis.out_step = shape.stride;
  axis.first_out = first;
  axis.tap_step = -shape.stride;
  axis.first_tap = least + shape.stride * (axis.taps - 1);
  return axis;
}

/// y [N, O, H', W'] of x [N, C, H, W] and weight [O, C, k, k], all with their channels side by
/// side; `bias` [O] may be undefined.
template <MicroKernel Kernel>
at::Tensor convolve_by_blocks(const ConvolutionShape& shape, const at::Tensor& x,
                              const at::Tensor& weight, const at::Tensor& bias) {
  const auto out = shape.out();
  auto y = at::empty({out.count, out.channels, out.height, out.width},
                     x.options().memory_format(at::MemoryFormat::ChannelsLast));
  BlockedPass<Kernel>(
      {shape.in, out, forward_axis(shape, shape.in.height), forward_axis(shape, shape.in.width)},
      x.const_data_ptr<c10::BFloat16>(),
      {as_bits(weight.const_data_ptr<c10::BFloat16>()), shape.out_channels, shape.in.channels,
       shape.taps, /*turned=*/false},
      bias.defined() ? bias.const_data_ptr<c10::BFloat16>() : nullptr,
      y.mutable_data_ptr<c10::BFloat16>())
      .run();
  return y;
}

/// Gradient [N, C, H, W] of the input from dy [N, O, H', W']; all with their channels side by side.
template <MicroKernel Kernel>
at::Tensor input_gradient_by_blocks(const ConvolutionShape& shape, const at::Tensor& dy,
                                    const at::Tensor& weight) {
  const auto& in = shape.in;
  auto dx = at::empty({in.count, in.channels, in.height, in.width},
                      dy.options().memory_format(at::MemoryFormat::ChannelsLast));
  for (std::int64_t row = 0; row < std::min(shape.stride, in.height); ++row) {
    for (std::int64_t column = 0; column < std::min(shape.stride, in.width); ++column) {
      BlockedPass<Kernel>({shape.out(), in, input_gradient_axis(shape, in.height, row),
                           input_gradient_axis(shape, in.width, column)},
                          dy.const_data_ptr<c10::BFloat16>(),
                          {as_bits(weight.const_data_ptr<c10::BFloat16>()), shape.out_channels,
                           in.channels, shape.taps, /*turned=*/true},
                          nullptr, dx.mutable_data_ptr<c10::BFloat16>())
          .run();
    }
  }
  return dx;
}

}  // namespace gradus::kernel
