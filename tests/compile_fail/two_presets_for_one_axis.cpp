// expects: policies gradus::Accumulate and gradus::Accumulate both fill axis accumulation; keep one
#include "mini.hpp"

Trainer<Net, Preset<Accumulate{.steps = 2}>, Preset<Accumulate{.steps = 4}>> trainer;
