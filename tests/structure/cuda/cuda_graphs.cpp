// Compiled and linked wherever CUDA's libraries are; tests/semantics/cuda_test.cpp runs graphs on a
// device.
#include <gradus/gradus.hpp>

using namespace gradus;

static_assert(GraphBackend<CudaGraphs>);

struct NetImpl : torch::nn::Module {
  torch::nn::Linear layer = register_module("layer", torch::nn::Linear(6, 3));
  at::Tensor forward(const at::Tensor& x) { return layer(x); }
};
TORCH_MODULE(Net);

struct Points {
  [[nodiscard]] std::int64_t size() const { return 64; }
  [[nodiscard]] Batch batch(std::span<const std::int64_t> indices) const {
    const auto count = static_cast<std::int64_t>(indices.size());
    return {at::zeros({count, 6}), at::zeros({count}, at::kLong)};
  }
};

int main() {
  Trainer<Net, CapturedStep, Mixed, AdamW> trainer(Net(), {.device = {c10::kCUDA, 0}});
  trainer.fit(Points());
  return trainer.execution_report().reason.empty() ? 0 : 1;
}
