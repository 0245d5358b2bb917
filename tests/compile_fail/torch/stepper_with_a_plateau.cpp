// expects: policy ReduceOnPlateau of axis schedule follows the results of epochs, which a Stepper
// does not have; choose another schedule, or use a Trainer.
#include "mini.hpp"
#include <gradus/policy/schedule/reduce_on_plateau.hpp>
#include <gradus/train/stepper.hpp>

int main() {
  Stepper<Net, ReduceOnPlateau> stepper(Net(), {.total_steps = 1});
  return static_cast<int>(stepper.steps());
}
