// expects: policy InOrder of axis sampling does nothing in a Stepper, whose loop is your own, leave
// it out, or use a Trainer.
#include "mini.hpp"
#include <gradus/policy/sampling/in_order.hpp>
#include <gradus/train/stepper.hpp>

int main() {
  Stepper<Net, InOrder> stepper(Net(), {.total_steps = 1});
  return static_cast<int>(stepper.steps());
}
