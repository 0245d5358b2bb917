// expects: policies Accumulate and Accumulate both fill axis accumulation; keep one of them.
#include "mini.hpp"

Trainer<Net, Preset<Accumulate{.steps = 2}>, Preset<Accumulate{.steps = 4}>> trainer;
