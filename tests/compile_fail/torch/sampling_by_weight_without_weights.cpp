// expects: dataset Table of fit does not say the weights of its samples, which policy
// WeightedSampling of axis sampling takes; add `std::span<const double> sample_weights() const` or
// choose Shuffle.
#include <gradus/policy/sampling/weighted_sampling.hpp>
#include <gradus/train/trainer.hpp>

using namespace gradus;

struct NetImpl : torch::nn::Module {
  at::Tensor forward(const at::Tensor& x) { return x; }
};
TORCH_MODULE(Net);

struct Table {
  std::int64_t size() const { return 1; }
  Batch batch(std::span<const std::int64_t>) const { return {}; }
};

int main() {
  Trainer<Net, WeightedSampling> trainer{Net()};
  return static_cast<int>(trainer.fit(Table()).epochs.size());
}
