// expects: stream Readings of fit comes in its own order, but policy InOrder of axis sampling
// chooses samples; leave it out.
#include <gradus/policy/sampling/in_order.hpp>
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
  Trainer<Net, InOrder> trainer{Net(), {.max_steps = 1}};
  return static_cast<int>(trainer.fit(Readings()).epochs.size());
}
