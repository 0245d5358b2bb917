// expects: stream Readings of fit comes in its own order, but policy InOrder of axis sampling
// chooses samples; leave it out.
#include "mini.hpp"
#include <gradus/policy/sampling/in_order.hpp>

int main() {
  Trainer<Net, InOrder> trainer{Net(), {.max_steps = 1}};
  return static_cast<int>(trainer.fit(Readings()).epochs.size());
}
