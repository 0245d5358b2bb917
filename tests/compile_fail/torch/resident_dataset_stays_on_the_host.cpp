// expects: dataset Table of fit cannot lie on a device, but policy Resident of axis loading puts
// it there; add `device_bytes` and `on_device` as gradus::data::ResidentDataset has them, or
// choose Prefetch.
#include <gradus/policy/loading/resident.hpp>
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
  Trainer<Net, Resident> trainer{Net()};
  return static_cast<int>(trainer.fit(Table()).epochs.size());
}
