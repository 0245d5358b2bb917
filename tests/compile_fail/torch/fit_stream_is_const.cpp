// expects: stream Readings of fit is const, but a run reads on in it; give one that is not.
#include "mini.hpp"

int main() {
  const Readings readings;
  Trainer<Net> trainer{Net(), {.max_steps = 1}};
  return static_cast<int>(trainer.fit(readings).epochs.size());
}
