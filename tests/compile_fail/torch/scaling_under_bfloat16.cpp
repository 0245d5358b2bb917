// expects: policy gradus::Mixed of axis precision: gradient scaling is for float16 alone; set
// scaling to automatic, or type to float16.
#include "mini.hpp"
#include <gradus/policy/loss/cross_entropy.hpp>
#include <gradus/policy/precision/mixed.hpp>

Trainer<Net, Preset<Mixed{.type = MixedType::bfloat16, .scaling = Scaling::on}>> trainer{Net()};
