// expects: policy gradus::Accumulate of axis accumulation is given steps = 0, but it takes numbers
// from 1; change the preset.
#include "mini.hpp"

Trainer<Net, Preset<Accumulate{.steps = 0}>> trainer;
