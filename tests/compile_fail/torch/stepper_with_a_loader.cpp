// expects: policy Prefetch of axis loading does nothing in a Stepper, whose loop is your own, leave
// it out, or use a Trainer.
#include "mini.hpp"
#include <gradus/policy/loading/prefetch.hpp>
#include <gradus/train/stepper.hpp>

int main() {
  Stepper<Net, Prefetch> stepper(Net(), {.total_steps = 1});
  return static_cast<int>(stepper.steps());
}
