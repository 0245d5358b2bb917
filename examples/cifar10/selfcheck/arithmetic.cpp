// What the device computes in, how fast, and how exactly.
#include "check.hpp"
#include "figures.hpp"
#include <gradus/device/device.hpp>
#include <gradus/device/math_scope.hpp>
#include <gradus/device/product_rate.hpp>

#include <ATen/ops/conv2d.h>
#include <ATen/ops/mm.h>
#include <ATen/ops/rand.h>

#include <algorithm>
#include <cmath>
#include <utility>

namespace cifar10::checks {

using namespace gradus;

namespace {

Outcome rates(const Subject& subject) {
  const MathScope math(subject.options.math);
  const bool native = has_native_bfloat16(subject.device);
  nlohmann::ordered_json measured{{"native_bfloat16", native}};
  std::string figure;
  bool finite = true;
  for (const auto type : {at::kFloat, at::kBFloat16, at::kHalf}) {
    const double rate = product_rate(subject.device, type) / 1e9;
    const std::string name = c10::toString(type);
    measured["gflops_" + name] = rate;
    finite = finite && std::isfinite(rate) && rate > 0;
    figure += (figure.empty() ? "" : ", ") + name + " " + short_number(rate);
  }
  return holds_if(finite,
                  figure + " GFLOP/s; bfloat16 is " + (native ? "" : "not ") + "native here",
                  std::move(measured));
}

/// Largest error of the device's float32 against float64 on the CPU, over the largest value.
template <class Function>
double error_of(c10::Device device, const at::Tensor& a, const at::Tensor& b, Function function) {
  const auto exact = function(a.to(at::kDouble), b.to(at::kDouble));
  const auto found = function(a.to(device), b.to(device)).to(at::kCPU, at::kDouble);
  return ((found - exact).abs().max() / exact.abs().max()).template item<double>();
}

/// TF32 rounds factors to 11 bits, so its errors are near 1e-4; those of float32 are below 1e-6.
constexpr double exact_enough = 1e-5;

Outcome exactness(const Subject& subject, const MathSettings& settings) {
  const MathScope math(settings);
  const auto products =
      error_of(subject.device, at::rand({256, 512}) - 0.5, at::rand({512, 256}) - 0.5,
               [](const at::Tensor& a, const at::Tensor& b) { return at::mm(a, b); });
  const auto convolutions =
      error_of(subject.device, at::rand({8, 32, 16, 16}) - 0.5, at::rand({32, 32, 3, 3}) - 0.5,
               [](const at::Tensor& a, const at::Tensor& b) { return at::conv2d(a, b, {}, 1, 1); });
  return holds_if(products < exact_enough && convolutions < exact_enough,
                  "largest error: products " + short_number(products) + ", convolutions " +
                      short_number(convolutions) + " (bound " + short_number(exact_enough) + ")",
                  {{"products", products}, {"convolutions", convolutions}});
}

Outcome tf32(const Subject& subject) {
  if (!subject.device.is_cuda()) return not_run("TF32 is CUDA's");
  auto outcome = exactness(subject, {.tf32 = true});
  const bool rounds = outcome.verdict == Verdict::fails;  // beyond what float32 does
  outcome.verdict = Verdict::holds;
  outcome.figure += rounds ? "; it rounds" : "; this device has no TF32, or does not use it";
  outcome.measured["rounds"] = rounds;
  return outcome;
}

}  // namespace

Checks arithmetic_checks() {
  const std::string group = "arithmetic";
  return {{group, "matrix products run in every type", rates},
          {group, "with TF32 off, float32 is float32",
           [](const Subject& subject) { return exactness(subject, {}); }},
          {group, "TF32 is allowed where it is asked for", tf32}};
}

}  // namespace cifar10::checks
