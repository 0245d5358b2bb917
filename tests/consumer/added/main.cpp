// Narrow headers: a trainer costs what it names.
#include <gradus/policy/optimizer/adamw.hpp>
#include <gradus/train/trainer.hpp>

#include <torch/nn/modules/linear.h>
#include <torch/nn/pimpl.h>
#include <torch/types.h>

#include <iostream>

struct LineImpl : torch::nn::Module {
  torch::nn::Linear layer = register_module("layer", torch::nn::Linear(1, 2));
  at::Tensor forward(const at::Tensor& x) { return layer(x); }
};
TORCH_MODULE(Line);

/// The class of a number is its sign.
struct Numbers {
  std::int64_t size() const { return 64; }
  gradus::Batch batch(std::span<const std::int64_t> indices) const {
    const auto index = torch::tensor(std::vector<std::int64_t>(indices.begin(), indices.end()));
    return {(index - 31.5).unsqueeze(1) / 32, (index > 31).to(torch::kLong)};
  }
};

int main() {
  gradus::Trainer<Line, gradus::Preset<gradus::AdamW{.lr = 0.1}>> trainer(Line(), {.epochs = 20});
  const double accuracy = *trainer.fit(Numbers(), Numbers()).epochs.back().test->accuracy();
  std::cout << "accuracy " << accuracy << '\n';
  return accuracy > 0.9 ? 0 : 1;
}
