// expects: policy Doubled of axis doubling has a hook before_forward, which takes a batch, but a
// Stepper sees none; do it in your loop, or use a Trainer.
#include "mini.hpp"
#include <gradus/core/step_context.hpp>
#include <gradus/train/stepper.hpp>

struct doubling {
  static constexpr std::string_view name = "doubling";
};

struct Doubled {
  using slot = doubling;
  static constexpr std::string_view name = "Doubled";
  static constexpr auto fields() { return no_fields; }
  using hooks = Hooks<hook::before_forward>;
  void before_forward(Batch& batch, const StepContext&) const { batch.input = batch.input * 2; }
};

int main() {
  Stepper<Net, Doubled> stepper(Net(), {.total_steps = 1});
  return static_cast<int>(stepper.steps());
}
