/// What do Muon's products cost? A round makes the matrices of ResNet10's weights orthogonal, as
/// gradus does on this device and as Jordan's loop does in bfloat16, interleaved.
#include "rounds.hpp"
#include <gradus/model/resnet10.hpp>
#include <gradus/policy/optimizer/orthogonal.hpp>

#include <ATen/ops/addmm.h>
#include <ATen/ops/randn_like.h>
#include <ATen/ops/stack.h>

#include <cstdint>
#include <vector>

using namespace gradus;

namespace {

/// Five steps over X [rows, columns] in bfloat16, as torch.optim.Muon has them.
at::Tensor five_steps(const at::Tensor& matrix) {
  const bool tall = matrix.size(0) > matrix.size(1);
  auto x = matrix.to(at::kBFloat16);
  if (tall) x = x.t();
  x = x.div(x.norm().clamp_min(1e-7));
  for (int step = 0; step < 5; ++step) {
    const auto gram = x.mm(x.t());
    x = at::addmm(x, at::addmm(gram, gram, gram, -4.7750, 2.0315), x, 3.4445);
  }
  return tall ? x.t() : x;
}

}  // namespace

int main(int argc, char** argv) {
  const Arguments arguments(argc, argv);
  const auto said = facts(arguments.number("--threads"));
  const ResNet10 model(ResNet10Options{.width = arguments.number("--width")});
  std::vector<at::Tensor> weights;
  for (const auto& parameter : model->parameters()) {
    if (parameter.dim() > 1) {
      weights.push_back(at::randn_like(parameter).reshape({parameter.size(0), -1}));
    }
  }
  const auto type = orthogonal_type(at::kCPU);
  const auto own = [&] {
    for (const auto& places : batches_of_one_form(weights)) {
      std::vector<at::Tensor> batch;
      for (const auto place : places) batch.push_back(weights[place]);
      static_cast<void>(orthogonal(at::stack(batch), 5, type));
    }
  };
  const auto usual = [&] {
    for (const auto& weight : weights) static_cast<void>(five_steps(weight));
  };
  serve(said, [&]() -> nlohmann::ordered_json {
    const double first = seconds_of(own);
    const double loop = seconds_of(usual);
    return {{"images", 1},
            {"seconds", 1},
            {"type", c10::toString(type)},
            {"gradus", (first + seconds_of(own)) / 2},
            {"loop", loop}};
  });
}
