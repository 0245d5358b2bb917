// expects: stream Readings of fit has no end that could lie on a device, but policy Resident
// of axis loading puts it there; choose Prefetch.
#include <gradus/policy/loading/resident.hpp>
#include <gradus/train/trainer.hpp>

using namespace gradus;

struct NetImpl : torch::nn::Module {
  at::Tensor forward(const at::Tensor& x) { return x; }
};
TORCH_MODULE(Net);

struct Readings {
  std::optional<Batch> next(std::int64_t) { return std::nullopt; }
};

int main() {
  Trainer<Net, Resident> trainer{Net(), {.max_steps = 1}};
  return static_cast<int>(trainer.fit(Readings()).epochs.size());
}
