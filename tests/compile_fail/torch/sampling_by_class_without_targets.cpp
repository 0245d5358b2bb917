// expects: dataset Table of fit does not say the classes of its samples, which policy ClassBalanced
// of axis sampling takes; add `at::Tensor targets() const` or choose Shuffle.
#include "mini.hpp"
#include <gradus/policy/sampling/class_balanced.hpp>

int main() {
  Trainer<Net, ClassBalanced> trainer{Net()};
  return static_cast<int>(trainer.fit(Table()).epochs.size());
}
