// expects: dataset Table of fit takes no transforms, but policy CropFlip of axis augmentation
// varies images; add `gradus::Batch batch(std::span<const std::int64_t> indices, std::span<const
// gradus::ImageTransform> transforms) const` or leave the policy out.
#include "mini.hpp"
#include <gradus/policy/augmentation/crop_flip.hpp>

int main() {
  Trainer<Net, CropFlip> trainer{Net()};
  return static_cast<int>(trainer.fit(Table()).epochs.size());
}
