// expects: policy gradus::OneCycle of axis schedule is given max_lr = -1, but it takes numbers
// above 0; change the preset.
#include "mini.hpp"

Trainer<Net, Preset<OneCycle{.max_lr = -1}>> trainer;
