/// A convolution with its operands, and its results in float64.
#pragma once

#include <gradus/kernel/convolution.hpp>
#include <gradus/kernel/instruction_set.hpp>
#include <gradus/kernel/way.hpp>

#include <ATen/Parallel.h>
#include <ATen/ops/convolution.h>
#include <ATen/ops/convolution_backward.h>
#include <torch/types.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <ostream>
#include <random>
#include <tuple>
#include <vector>

namespace gradus {

inline std::ostream& operator<<(std::ostream& to, ConvolutionWay way) {
  return to << enum_names(way)[static_cast<std::size_t>(way)];
}
inline std::ostream& operator<<(std::ostream& to, ConvolutionPart part) {
  return to << enum_names(part)[static_cast<std::size_t>(part)];
}

namespace kernel {

inline std::ostream& operator<<(std::ostream& to, const ConvolutionShape& shape) {
  return to << shape.in.count << " x " << shape.in.channels << " x " << shape.in.height << " x "
            << shape.in.width << " to " << shape.out_channels << " channels, " << shape.taps
            << " taps, stride " << shape.stride << ", padding " << shape.padding;
}

}  // namespace kernel

}  // namespace gradus

namespace test {

using gradus::ConvolutionPart;
using gradus::ConvolutionWay;
using gradus::kernel::ConvolutionShape;
using gradus::kernel::InstructionSet;

constexpr std::array all_parts{ConvolutionPart::forward, ConvolutionPart::input_gradient,
                               ConvolutionPart::weight_gradient};

inline at::Tensor channels_inside(const at::Tensor& x) {
  return x.contiguous(at::MemoryFormat::ChannelsLast);
}

/// Those of this processor, the narrowest first.
inline std::vector<InstructionSet> instruction_sets() {
  std::vector<InstructionSet> sets;
  for (const auto set : {InstructionSet::portable, InstructionSet::avx2, InstructionSet::avx512}) {
    if (set <= gradus::kernel::instruction_set()) sets.push_back(set);
  }
  return sets;
}

/// While it lives, LibTorch computes with so many threads. Small operators on one: a team of
/// threads takes milliseconds to meet where other processes run.
class Threads {
 public:
  explicit Threads(int count) : before_(at::get_num_threads()) { at::set_num_threads(count); }
  Threads(const Threads&) = delete;
  Threads& operator=(const Threads&) = delete;
  ~Threads() { at::set_num_threads(before_); }

 private:
  int before_;
};

/// Operands drawn from a normal distribution, in `type`, their channels side by side.
struct Problem {
  ConvolutionShape shape;
  at::Tensor x, weight, bias, dy;

  static Problem drawn(const ConvolutionShape& shape, bool has_bias,
                       at::ScalarType type = at::kFloat) {
    const auto& in = shape.in;
    const auto out = shape.out();
    const auto draw = [&](at::IntArrayRef sizes) { return torch::randn(sizes).to(type); };
    return {shape, channels_inside(draw({in.count, in.channels, in.height, in.width})),
            channels_inside(draw({out.channels, in.channels, shape.taps, shape.taps})),
            has_bias ? draw({out.channels}) : at::Tensor(),
            channels_inside(draw({out.count, out.channels, out.height, out.width}))};
  }

  [[nodiscard]] at::Tensor by(ConvolutionWay way, ConvolutionPart part) const {
    using namespace gradus::kernel;
    if (part == ConvolutionPart::forward) return convolve(way, shape, x, weight, bias);
    if (part == ConvolutionPart::input_gradient) return input_gradient(way, shape, dy, x, weight);
    return weight_gradient(way, shape, dy, x, weight);
  }

  /// Each part by LibTorch in float64.
  [[nodiscard]] std::array<at::Tensor, 3> exact() const {
    const auto wide = [](const at::Tensor& tensor) {
      return tensor.defined() ? tensor.to(at::kDouble).contiguous() : tensor;
    };
    const std::array stride{shape.stride, shape.stride}, padding{shape.padding, shape.padding};
    const std::array<std::int64_t, 2> ones{1, 1}, zeros{0, 0};
    const auto y =
        at::convolution(wide(x), wide(weight), wide(bias), stride, padding, ones, false, zeros, 1);
    const auto [dx, dw, db] =
        at::convolution_backward(wide(dy), wide(x), wide(weight), std::nullopt, stride, padding,
                                 ones, false, zeros, 1, std::array{true, true, false});
    return {y, dx, dw};
  }
};

/// The norm of the error over that of the result. A result that cancels out counts as one of ones:
/// factors have a deviation of 1.
inline double error_of(const at::Tensor& result, const at::Tensor& exact) {
  const auto wide = result.to(at::kDouble);
  return (wide - exact).norm().item<double>() /
         std::max(exact.norm().item<double>(), std::sqrt(static_cast<double>(exact.numel())));
}

/// Draws shapes that any way could meet.
class Shapes {
 public:
  explicit Shapes(std::uint32_t seed) : generator_(seed) {}

  std::int64_t one_of(const std::vector<std::int64_t>& list) {
    return list[std::uniform_int_distribution<std::size_t>(0, list.size() - 1)(generator_)];
  }
  std::int64_t between(std::int64_t least, std::int64_t most) {
    return std::uniform_int_distribution<std::int64_t>(least, most)(generator_);
  }

  ConvolutionShape next(const std::vector<std::int64_t>& taps,
                        const std::vector<std::int64_t>& strides) {
    static const std::vector<std::int64_t> channels{1, 2, 3, 5, 8, 15, 16, 17, 20, 32, 33};
    for (;;) {
      const ConvolutionShape shape{
          {between(1, 3), between(1, 13), between(1, 13), one_of(channels)},
          one_of(channels),
          one_of(taps),
          one_of(strides),
          between(0, 2)};
      if (std::min(shape.in.height, shape.in.width) + 2 * shape.padding >= shape.taps) return shape;
    }
  }

 private:
  std::mt19937 generator_;
};

}  // namespace test
