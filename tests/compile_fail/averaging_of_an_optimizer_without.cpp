// expects: policy gradus::OptimizerAverage of axis averaging evaluates the averages of the
// optimizer, but mini::Descent of axis optimizer has none; leave it out or choose
// ScheduleFreeAdamW.
#include "mini.hpp"
#include <gradus/policy/averaging/optimizer_average.hpp>

Trainer<Net, Descent, OptimizerAverage> trainer;
