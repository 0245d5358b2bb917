// expects: stream Readings of fit takes no transforms, but policy CropFlip of axis
// augmentation varies images; vary them in `next`, or leave the policy out.
#include <gradus/policy/augmentation/crop_flip.hpp>
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
  Trainer<Net, CropFlip> trainer{Net(), {.max_steps = 1}};
  return static_cast<int>(trainer.fit(Readings()).epochs.size());
}
