// expects: policy gradus::Guard of axis guard: skipping a step whose loss is not finite needs
// each_step = true.
#include "mini.hpp"
#include <gradus/policy/guard/guard.hpp>

Trainer<Net, Preset<Guard{.on_not_finite = OnNotFinite::skip}>> trainer;
