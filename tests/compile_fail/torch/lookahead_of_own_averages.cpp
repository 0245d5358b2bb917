// expects: policy gradus::Lookahead<gradus::ScheduleFreeAdamW> of axis optimizer: its optimizer
// averages its own weights, and Lookahead would pull them away from that average; leave out one of
// the two.
#include "mini.hpp"
#include <gradus/policy/averaging/optimizer_average.hpp>
#include <gradus/policy/loss/cross_entropy.hpp>
#include <gradus/policy/optimizer/lookahead.hpp>
#include <gradus/policy/optimizer/schedule_free_adamw.hpp>

Trainer<Net, Lookahead<ScheduleFreeAdamW>, OptimizerAverage> trainer{Net()};
