// expects: stream Readings of fit takes no transforms, but policy CropFlip of axis
// augmentation varies images; vary them in `next`, or leave the policy out.
#include "mini.hpp"
#include <gradus/policy/augmentation/crop_flip.hpp>

int main() {
  Trainer<Net, CropFlip> trainer{Net(), {.max_steps = 1}};
  return static_cast<int>(trainer.fit(Readings()).epochs.size());
}
