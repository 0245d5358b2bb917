// The CUDA kernels of norm_relu: their text on the processor against the passes for it, and through
// NVRTC where that is. No device is needed.
#include "catch.hpp"
#include "emulated_cuda.hpp"
#include <gradus/device/cuda_program.hpp>
#include <gradus/device/device.hpp>
#include <gradus/kernel/norm_launches.hpp>
#include <gradus/kernel/norm_source.hpp>
#include <gradus/model/norm_relu.hpp>

#include <torch/torch.h>

#include <string>
#include <utility>
#include <vector>

using namespace gradus;
using namespace gradus::kernel;

namespace {

const std::vector<std::string> kernels{"forward_sums",  "forward_ends",  "forward",
                                       "backward_sums", "backward_ends", "backward"};

const test::EmulatedCuda& emulated(at::ScalarType type) {
  static const test::EmulatedCuda of_float(norm_source, kernels, "-DBFLOAT16=0");
  static const test::EmulatedCuda of_bfloat16(norm_source, kernels, "-DBFLOAT16=1");
  return type == at::kFloat ? of_float : of_bfloat16;
}

struct Shape {
  std::int64_t count, channels, side;
};

at::Tensor images(const Shape& shape, at::ScalarType type) {
  return torch::randn({shape.count, shape.channels, shape.side, shape.side})
      .add(3)
      .to(type)
      .contiguous(at::MemoryFormat::ChannelsLast);
}

/// Bounds are relative to the largest number.
bool near(const at::Tensor& a, const at::Tensor& b, at::ScalarType type) {
  const auto one = a.detach().to(at::kDouble), other = b.detach().to(at::kDouble);
  const double most = other.abs().max().item<double>();
  return (one - other).abs().max().item<double>() <= (type == at::kFloat ? 1e-5 : 8e-3) * most;
}

torch::nn::BatchNorm2d norm_of(std::int64_t channels, bool from_batch) {
  torch::nn::BatchNorm2d norm(channels);
  const at::NoGradGuard no_grad;
  norm->weight.copy_(torch::rand({channels}) + 0.5);
  norm->bias.copy_(torch::randn({channels}));
  norm->running_mean.copy_(torch::randn({channels}) + 3);
  norm->running_var.copy_(torch::rand({channels}) + 0.5);
  norm->train(from_batch);
  return norm;
}

/// `norm` as a launch takes it; running statistics are moved as a training step moves them.
template <class Launches>
NormInput input_of(const Launches& launches, torch::nn::BatchNorm2d& norm, const at::Tensor& x) {
  constexpr double eps = 1e-5, part = 0.1;
  if (!norm->is_training()) {
    return {x,
            norm->weight.detach(),
            norm->bias.detach(),
            norm->running_mean,
            norm->running_var.add(eps).rsqrt(),
            false};
  }
  const auto found = launches.statistics(x, eps, {norm->running_mean, norm->running_var, part});
  return {x, norm->weight.detach(), norm->bias.detach(), found.mean, found.inverse_std, true};
}

void check(const Shape& shape, at::ScalarType type, bool from_batch) {
  CATCH_INFO(shape.count << " x " << shape.channels << " x " << shape.side << ", "
                         << c10::toString(type) << (from_batch ? "" : ", running statistics"));
  const auto dy = images(shape, type).sub(3);
  for (const int form : {0, 1, 2}) {  // alone, with a shortcut, with a normed one
    CATCH_INFO("form " << form);
    const auto x = images(shape, type).requires_grad_(),
               around = images(shape, type).requires_grad_();
    auto norm = norm_of(shape.channels, from_batch), other = norm_of(shape.channels, from_batch);
    auto same = norm_of(shape.channels, from_batch),
         same_other = norm_of(shape.channels, from_batch);
    for (auto [to, from] : {std::pair(same, norm), std::pair(same_other, other)}) {
      for (std::size_t i = 0; i < 2; ++i) {
        to->parameters()[i].data().copy_(from->parameters()[i]);
        to->buffers()[i].copy_(from->buffers()[i]);
      }
    }
    const NormLaunches launches(emulated(type), x);
    const auto of = input_of(launches, norm, x.detach());
    const auto of_other = input_of(launches, other, around.detach());
    const auto y = launches.forward(of, form == 0 ? at::Tensor() : around.detach(),
                                    form == 2 ? &of_other : nullptr);
    const auto right = form == 0   ? norm_relu(same, x)
                       : form == 1 ? norm_relu(same, x, around)
                                   : norm_relu(same, x, same_other, around);
    CATCH_CHECK(near(y, right, type));
    CATCH_CHECK(y.is_contiguous(at::MemoryFormat::ChannelsLast));
    for (std::size_t i = 0; i < 2; ++i)
      CATCH_CHECK(near(norm->buffers()[i], same->buffers()[i], at::kFloat));

    right.backward(dy);
    const auto made =
        launches.backward(dy, right.detach(), of, form == 2 ? &of_other : nullptr, form > 0);
    CATCH_CHECK(near(made.of.x, x.grad(), type));
    CATCH_CHECK(near(made.of.weight, same->weight.grad(), at::kFloat));
    CATCH_CHECK(near(made.of.bias, same->bias.grad(), at::kFloat));
    if (form > 0) CATCH_CHECK(near(made.of_other.x, around.grad(), type));
    if (form == 2) {
      CATCH_CHECK(near(made.of_other.weight, same_other->weight.grad(), at::kFloat));
      CATCH_CHECK(near(made.of_other.bias, same_other->bias.grad(), at::kFloat));
    }
  }
}

}  // namespace

CATCH_TEST_CASE("the CUDA kernels of norm_relu do what its passes on the processor do") {
  torch::manual_seed(0);
  check({2, 24, 5}, at::kFloat, true);
  check({3, 64, 4}, at::kBFloat16, true);
  check({1, 520, 2}, at::kBFloat16, true);
  check({2, 8, 3}, at::kFloat, false);
}

CATCH_TEST_CASE("numbers that are not finite go through the CUDA kernels, channel by channel") {
  auto x = images({2, 8, 3}, at::kBFloat16);
  x[1][3][0][0] = NAN;
  auto norm = norm_of(8, true);
  const NormLaunches launches(emulated(at::kBFloat16), x);
  const auto y = launches.forward(input_of(launches, norm, x), {}, nullptr);
  const auto finite = y.isfinite().all(3).all(2).all(0);
  for (std::int64_t channel = 0; channel < 8; ++channel)
    CATCH_CHECK(finite[channel].item<bool>() == (channel != 3));
}

CATCH_TEST_CASE("the sums of the CUDA kernels have the same bits each time") {
  const auto x = images({4, 16, 6}, at::kFloat);
  const NormLaunches launches(emulated(at::kFloat), x);
  const auto once = launches.statistics(x, 1e-5, {}), again = launches.statistics(x, 1e-5, {});
  CATCH_CHECK(once.mean.equal(again.mean));
  CATCH_CHECK(once.inverse_std.equal(again.inverse_std));
}

CATCH_TEST_CASE("NVRTC compiles the kernels of norm_relu, and says what it cannot compile") {
  if (const auto missing = no_nvrtc(); !missing.empty()) {
    CATCH_WARN("not run: " << missing);
    return;
  }
  for (const std::string option : {"-DBFLOAT16=0", "-DBFLOAT16=1"}) {
    for (const int capability : {80, 90}) {
      const auto code = compile_cuda(std::string(norm_source), capability, {option});
      CATCH_CHECK(
          code.starts_with("\x7f"
                           "ELF"));
      for (const auto& kernel : kernels) CATCH_CHECK(code.find(kernel) != std::string::npos);
    }
  }
  CATCH_CHECK_THROWS_WITH(compile_cuda("__global__ void broken() { nothing(); }", 90),
                          Catch::Matchers::ContainsSubstring("nothing"));
}

CATCH_TEST_CASE("without CUDA there is no program for it, but an error") {
  if (cuda_device_count() > 0) return;
  CATCH_CHECK_THROWS_AS(CudaProgram(std::string(norm_source), {"-DBFLOAT16=1"}, {c10::kCUDA, 0}),
                        std::exception);
}
