// expects: dataset at::Tensor of evaluate or predict makes no batches; declare `gradus::Batch
// batch(std::span<const std::int64_t> indices) const`, or let it return tensors of another form.
#include <gradus/train/trainer.hpp>

using namespace gradus;

struct NetImpl : torch::nn::Module {
  at::Tensor forward(const at::Tensor& x) { return x; }
};
TORCH_MODULE(Net);

int main() {
  Trainer<Net> trainer{Net()};
  return static_cast<int>(trainer.predict(at::Tensor()).numel());
}
