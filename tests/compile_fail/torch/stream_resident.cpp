// expects: stream Readings of fit has no end that could lie on a device, but policy Resident
// of axis loading puts it there; choose Prefetch.
#include "mini.hpp"
#include <gradus/policy/loading/resident.hpp>

int main() {
  Trainer<Net, Resident> trainer{Net(), {.max_steps = 1}};
  return static_cast<int>(trainer.fit(Readings()).epochs.size());
}
