/// What do gradus's ways of computing convolutions save over LibTorch's? A round times each part of
/// each shape interleaved, LibTorch's way and the one that is fastest here, channels side by side.
#include "rounds.hpp"
#include <gradus/device/keep_memory.hpp>
#include <gradus/kernel/convolution.hpp>
#include <gradus/kernel/convolution_call.hpp>
#include <gradus/kernel/convolution_choices.hpp>

#include <ATen/ops/randn.h>

#include <cstdint>
#include <string>
#include <vector>

using namespace gradus;

namespace {

at::Tensor channels_last(at::Tensor tensor, c10::ScalarType type) {
  return tensor.to(type).contiguous(at::MemoryFormat::ChannelsLast);
}

/// One part of one convolution, and how far from float64 its ways are.
class Case {
 public:
  Case(const kernel::ConvolutionShape& shape, c10::ScalarType type, ConvolutionPart part)
      : call_{shape, type, true}, part_(part) {
    const auto& in = shape.in;
    const auto out = shape.out();
    x_ = channels_last(at::randn({in.count, in.channels, in.height, in.width}), type);
    weight_ = channels_last(
        at::randn({shape.out_channels, in.channels, shape.taps, shape.taps}).mul_(0.05), type);
    dy_ = channels_last(at::randn({out.count, out.channels, out.height, out.width}), type);
    choices_ = convolution_choices(ConvolutionChoices::Rule::measure, ConvolutionWay::library);
    choose();
    way_ = *choices_->find(call_.of(part_));
  }

  [[nodiscard]] std::string name() const {
    const auto& shape = call_.shape;
    return std::string(enum_names(part_)[static_cast<std::size_t>(part_)]) + ", " +
           std::to_string(shape.taps) + " x " + std::to_string(shape.taps) + ", " +
           std::to_string(shape.in.channels) + " to " + std::to_string(shape.out_channels) +
           " channels, stride " + std::to_string(shape.stride) + ", " +
           std::to_string(shape.in.height) + " x " + std::to_string(shape.in.width);
  }

  [[nodiscard]] nlohmann::ordered_json errors() const {
    const auto exact = run(ConvolutionWay::library, x_.to(at::kDouble), weight_.to(at::kDouble),
                           dy_.to(at::kDouble));
    const auto error = [&](ConvolutionWay way) {
      const auto result = run(way, x_, weight_, dy_).to(at::kDouble);
      return (result.sub(exact).norm() / exact.norm()).item<double>();
    };
    return {{"way", enum_names(way_)[static_cast<std::size_t>(way_)]},
            {"gradus", error(way_)},
            {"libtorch", error(ConvolutionWay::library)}};
  }

  /// Seconds of either.
  [[nodiscard]] nlohmann::ordered_json time() const {
    const auto seconds = [&](ConvolutionWay way) {
      return seconds_of([&] { static_cast<void>(run(way, x_, weight_, dy_)); });
    };
    double theirs = seconds(ConvolutionWay::library);
    const double own = seconds(way_) + seconds(way_);
    theirs += seconds(ConvolutionWay::library);
    return {{"gradus", own / 2}, {"libtorch", theirs / 2}};
  }

 private:
  void choose() {
    switch (part_) {
      case ConvolutionPart::forward:
        static_cast<void>(call_.forward(*choices_, x_, weight_, {}));
        return;
      case ConvolutionPart::input_gradient:
        static_cast<void>(call_.input_gradient(*choices_, dy_, x_, weight_));
        return;
      case ConvolutionPart::weight_gradient:
        static_cast<void>(call_.weight_gradient(*choices_, dy_, x_, weight_));
    }
  }

  [[nodiscard]] at::Tensor run(ConvolutionWay way, const at::Tensor& x, const at::Tensor& weight,
                               const at::Tensor& dy) const {
    switch (part_) {
      case ConvolutionPart::forward:
        return kernel::convolve(way, call_.shape, x, weight, {});
      case ConvolutionPart::input_gradient:
        return kernel::input_gradient(way, call_.shape, dy, x, weight);
      case ConvolutionPart::weight_gradient:
        break;
    }
    return kernel::weight_gradient(way, call_.shape, dy, x, weight);
  }

  kernel::ConvolutionCall call_;
  ConvolutionPart part_;
  at::Tensor x_, weight_, dy_;
  c10::intrusive_ptr<ConvolutionChoices> choices_;
  ConvolutionWay way_ = ConvolutionWay::library;
};

/// The four stages of ResNet10: their convolutions of stride 1, those of stride 2 that lead from
/// one to the next, and the shortcuts.
std::vector<Case> cases(std::int64_t images, std::int64_t width, c10::ScalarType type) {
  std::vector<Case> list;
  const auto add = [&](const kernel::ConvolutionShape& shape) {
    using enum ConvolutionPart;
    for (const auto part : {forward, input_gradient, weight_gradient}) {
      list.emplace_back(shape, type, part);
    }
  };
  for (std::int64_t side = 32, channels = width; side >= 4; side /= 2, channels *= 2) {
    const kernel::Images maps{images, side, side, channels};
    add({maps, channels, 3, 1, 1});
    if (side == 4) break;
    add({maps, 2 * channels, 3, 2, 1});
    add({maps, 2 * channels, 1, 2, 0});
  }
  return list;
}

}  // namespace

int main(int argc, char** argv) {
  keep_memory();
  const Arguments arguments(argc, argv);
  auto said = facts(arguments.number("--threads"));
  const auto type = arguments.text("--type") == "bfloat16" ? at::kBFloat16 : at::kFloat;
  const auto all = cases(arguments.number("--images"), arguments.number("--width"), type);
  for (const auto& one : all) said["errors"][one.name()] = one.errors();
  serve(said, [&] {
    nlohmann::ordered_json times{{"images", arguments.number("--images")}, {"seconds", 1}};
    for (const auto& one : all) times[one.name()] = one.time();
    return times;
  });
}
