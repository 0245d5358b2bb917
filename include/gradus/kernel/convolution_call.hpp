/// The parts of one call of a convolution, each the way that is chosen for it.
#pragma once

#include <gradus/kernel/convolution_choices.hpp>
#include <gradus/kernel/convolution_shape.hpp>
#include <gradus/kernel/way.hpp>

#include <ATen/core/Tensor.h>
#include <ATen/core/ivalue.h>
#include <ATen/ops/empty.h>
#include <ATen/record_function.h>

#include <array>
#include <bit>
#include <cstdint>
#include <optional>
#include <vector>

namespace gradus::kernel {

inline at::Tensor with_channels_inside(const at::Tensor& tensor) {
  return tensor.contiguous(at::MemoryFormat::ChannelsLast);
}

/// Its shape, and whether outputs have their channels side by side.
struct ConvolutionCall {
  ConvolutionShape shape;
  c10::ScalarType type;
  bool channels_last;

  [[nodiscard]] ConvolutionCase of(ConvolutionPart part) const {
    const auto& in = shape.in;
    return {in.channels,
            shape.out_channels,
            in.height,
            in.width,
            shape.taps,
            shape.stride,
            shape.padding,
            static_cast<std::int64_t>(std::bit_floor(static_cast<std::uint64_t>(in.count))),
            type == c10::kFloat,
            channels_last,
            static_cast<std::int64_t>(part)};
  }

  /// y [N, O, H, W] of x [N, C, H, W]; `bias` may be undefined.
  [[nodiscard]] at::Tensor forward(ConvolutionChoices& choices, const at::Tensor& x,
                                   const at::Tensor& weight, const at::Tensor& bias) const {
    at::RecordFunction record(at::RecordScope::FUNCTION);  // what watches operators sees it as one
    if (record.isActive()) {
      const std::array<c10::IValue, 2> inputs{x, weight};
      record.before("gradus::convolution",
                    c10::ArrayRef<const c10::IValue>(inputs.data(), inputs.size()));
    }
    const auto y = run(choices, ConvolutionPart::forward, [&](ConvolutionWay way) {
      const auto convolve = choices.parts().forward;
      if (way == ConvolutionWay::library) return convolve(way, shape, x, weight, bias);
      return in_order(
          convolve(way, shape, with_channels_inside(x), with_channels_inside(weight), bias));
    });
    if (record.needsOutputs()) record.setOutputs(std::vector<c10::IValue>{y});
    return y;
  }

  /// Of x, plus `added`, if that is defined.
  [[nodiscard]] at::Tensor input_gradient(ConvolutionChoices& choices, const at::Tensor& dy,
                                          const at::Tensor& x, const at::Tensor& weight,
                                          const at::Tensor& added = {}) const {
    return run(choices, ConvolutionPart::input_gradient, [&](ConvolutionWay way) {
      const auto gradient = choices.parts().input_gradient;
      if (way == ConvolutionWay::library) return gradient(way, shape, dy, x, weight, added);
      return in_order(gradient(way, shape, with_channels_inside(dy), x,
                               with_channels_inside(weight),
                               added.defined() ? with_channels_inside(added) : added));
    });
  }

  /// Adds the gradient of x to `dx`, which nothing else holds. A filter of 1 x 1 that skips pixels
  /// has none for those: of the others, a quarter for stride 2, it is computed and added.
  void add_input_gradient(ConvolutionChoices& choices, const at::Tensor& dy, const at::Tensor& x,
                          const at::Tensor& weight, const at::Tensor& dx) const {
    if (!shape.skips_pixels()) {
      dx.add_(input_gradient(choices, dy, x, weight));
      return;
    }
    const ConvolutionCall seen{shape.over_seen_pixels(), type, channels_last};
    const auto& in = seen.shape.in;
    const auto form = at::empty({in.count, in.channels, in.height, in.width},
                                dx.options().memory_format(dx.suggest_memory_format()));
    dx.slice(2, 0, std::nullopt, shape.stride)
        .slice(3, 0, std::nullopt, shape.stride)
        .add_(seen.input_gradient(choices, dy, form, weight));
  }

  [[nodiscard]] at::Tensor weight_gradient(ConvolutionChoices& choices, const at::Tensor& dy,
                                           const at::Tensor& x, const at::Tensor& weight) const {
    return run(choices, ConvolutionPart::weight_gradient, [&](ConvolutionWay way) {
      const auto gradient = choices.parts().weight_gradient;
      if (way == ConvolutionWay::library) return gradient(way, shape, dy, x, weight);
      return gradient(way, shape, with_channels_inside(dy), with_channels_inside(x), weight)
          .contiguous(weight.suggest_memory_format());
    });
  }

  /// As numbers that autograd keeps, and back.
  [[nodiscard]] std::vector<std::int64_t> saved() const {
    return {shape.in.count, shape.in.height, shape.in.width, shape.in.channels, shape.out_channels,
            shape.taps,     shape.stride,    shape.padding,  channels_last};
  }
  static ConvolutionCall restored(const std::vector<std::int64_t>& n, c10::ScalarType type) {
    return {{{n[0], n[1], n[2], n[3]}, n[4], n[5], n[6], n[7]}, type, n[8] != 0};
  }

 private:
  template <class Run>
  at::Tensor run(ConvolutionChoices& choices, ConvolutionPart part, const Run& way) const {
    const auto ways = ways_for(shape, type);
    return choices.run(of(part), ways, usual_way(shape, type, part, ways), way);
  }
  [[nodiscard]] at::Tensor in_order(const at::Tensor& tensor) const {
    return channels_last ? tensor : tensor.contiguous();
  }
};

}  // namespace gradus::kernel
