// expects: policy gradus::CapturedStep of axis execution is given warmup_steps = 1, but it takes
// numbers from 3; change the preset.
#include "mini.hpp"
#include <gradus/policy/execution/captured_step.hpp>

Trainer<Net, Preset<CapturedStep{.warmup_steps = 1}>> trainer;
