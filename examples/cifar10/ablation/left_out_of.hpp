/// The list of a configuration's trainers, each without one policy.
#pragma once

#include "ablation.hpp"

#include <vector>

namespace cifar10 {

/// One translation unit each, for they take a compiler long.
const std::vector<LeftOut>& left_out_of_unoptimized();
const std::vector<LeftOut>& left_out_of_optimized();
const std::vector<LeftOut>& left_out_of_fastest();

}  // namespace cifar10
