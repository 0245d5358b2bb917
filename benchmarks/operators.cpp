/// What do gradus's own operators save over LibTorch's? A round runs both ways in turn, forward and
/// backward, in bfloat16 with channels side by side, on shapes of ResNet10 at width 64, batches of
/// 256.
#include "rounds.hpp"
#include <gradus/device/keep_memory.hpp>
#include <gradus/model/convolve.hpp>
#include <gradus/model/norm_relu.hpp>

#include <ATen/ops/randn.h>

#include <cstdint>
#include <utility>

using namespace gradus;
using torch::nn::BatchNorm2d;
using torch::nn::Conv2d;
using torch::nn::Conv2dOptions;

namespace {

constexpr std::int64_t images = 256;

at::Tensor maps(std::int64_t channels, std::int64_t side) {
  return at::randn({images, channels, side, side})
      .to(at::kBFloat16)
      .contiguous(at::MemoryFormat::ChannelsLast)
      .requires_grad_();
}

/// Seconds of one call forward and backward.
template <class Forward>
double seconds_both_ways(const at::Tensor& x, Forward&& forward, int calls) {
  const auto once = [&] {
    const auto out = forward(x);
    out.backward(at::ones_like(out));
    x.mutable_grad().reset();
  };
  once();
  return seconds_of([&] {
           for (int call = 0; call < calls; ++call) once();
         }) /
         calls;
}

template <class Own, class Theirs>
nlohmann::ordered_json both(const at::Tensor& x, Own&& own, Theirs&& theirs, int calls) {
  const double first = seconds_both_ways(x, own, calls);
  const double second = seconds_both_ways(x, theirs, 2 * calls);
  const double third = seconds_both_ways(x, own, calls);
  return {{"gradus", (first + third) / 2}, {"libtorch", second}};
}

nlohmann::ordered_json norm(std::int64_t channels, std::int64_t side) {
  BatchNorm2d layer(channels);
  const auto shortcut = maps(channels, side).detach();
  return both(
      maps(channels, side), [&](const at::Tensor& x) { return norm_relu(layer, x, shortcut); },
      [&](const at::Tensor& x) { return layer(x).add_(shortcut).relu_(); }, 3);
}

nlohmann::ordered_json convolution(std::int64_t from, std::int64_t to, std::int64_t kernel,
                                   std::int64_t stride, std::int64_t side) {
  Conv2d layer(Conv2dOptions(from, to, kernel).stride(stride).padding(kernel / 2).bias(false));
  layer->to(at::kBFloat16);
  layer->weight.set_data(layer->weight.contiguous(at::MemoryFormat::ChannelsLast));
  return both(
      maps(from, side), [&](const at::Tensor& x) { return convolve(layer, x); },
      [&](const at::Tensor& x) { return layer(x); }, 3);
}

}  // namespace

int main(int argc, char** argv) {
  keep_memory();
  const Arguments arguments(argc, argv);
  const auto said = facts(arguments.number("--threads"));
  const auto round = [&]() -> nlohmann::ordered_json {
    return {
        {"images", images},
        {"seconds", 1},
        {"norm, sum and ReLU, 64 channels, 32 x 32", norm(64, 32)},
        {"norm, sum and ReLU, 512 channels, 4 x 4", norm(512, 4)},
        {"1 x 1 convolution, stride 2, 64 to 128 channels, 32 x 32",
         convolution(64, 128, 1, 2, 32)},
        {"3 x 3 convolution, stride 2, 256 to 512 channels, 8 x 8", convolution(256, 512, 3, 2, 8)},
        {"3 x 3 convolution, 512 channels, 2 x 2", convolution(512, 512, 3, 1, 2)}};
  };
  static_cast<void>(round());  // warms up
  serve(said, round);
}
