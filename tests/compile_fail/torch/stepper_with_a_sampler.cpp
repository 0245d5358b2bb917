// expects: policy InOrder of axis sampling does nothing in a Stepper, whose loop is your own, leave
// it out, or use a Trainer.
#include <gradus/policy/sampling/in_order.hpp>
#include <gradus/train/stepper.hpp>

using namespace gradus;

struct NetImpl : torch::nn::Module {
  at::Tensor forward(const at::Tensor& x) { return x; }
};
TORCH_MODULE(Net);

int main() {
  Stepper<Net, InOrder> stepper(Net(), {.total_steps = 1});
  return static_cast<int>(stepper.steps());
}
