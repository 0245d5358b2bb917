// expects: stream Readings of fit is const, but a run reads on in it; give one that is not.
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
  const Readings readings;
  Trainer<Net> trainer{Net(), {.max_steps = 1}};
  return static_cast<int>(trainer.fit(readings).epochs.size());
}
