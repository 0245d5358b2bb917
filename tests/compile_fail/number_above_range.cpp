// expects: policy gradus::OneCycle of axis schedule is given pct_start = 1.5, but it takes numbers
// from 0 to 1; change the preset.
#include "mini.hpp"

Trainer<Net, Preset<OneCycle{.pct_start = 1.5}>> trainer;
