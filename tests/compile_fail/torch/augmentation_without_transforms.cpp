// expects: dataset Table of fit takes no transforms, but policy CropFlip of axis augmentation
// varies images; add `gradus::Batch batch(std::span<const std::int64_t> indices, std::span<const
// gradus::ImageTransform> transforms) const` or leave the policy out.
#include <gradus/policy/augmentation/crop_flip.hpp>
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
  Trainer<Net, CropFlip> trainer{Net()};
  return static_cast<int>(trainer.fit(Table()).epochs.size());
}
