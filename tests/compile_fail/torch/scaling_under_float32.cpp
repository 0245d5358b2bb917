// expects: policy gradus::Mixed of axis precision: gradient scaling is for float16 alone; set
// scaling to automatic, or type to float16.
#include <gradus/policy/loss/cross_entropy.hpp>
#include <gradus/policy/precision/mixed.hpp>
#include <gradus/train/trainer.hpp>

using namespace gradus;

struct NetImpl : torch::nn::Module {
  at::Tensor forward(const at::Tensor& x) { return x; }
};
TORCH_MODULE(Net);

Trainer<Net, Preset<Mixed{.type = MixedType::float32, .scaling = Scaling::on}>> trainer{Net()};
