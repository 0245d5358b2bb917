// expects: dataset Table of fit does not say the classes of its samples, which policy ClassBalanced
// of axis sampling takes; add `at::Tensor targets() const` or choose Shuffle.
#include <gradus/policy/sampling/class_balanced.hpp>
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
  Trainer<Net, ClassBalanced> trainer{Net()};
  return static_cast<int>(trainer.fit(Table()).epochs.size());
}
