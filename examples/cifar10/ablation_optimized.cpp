#include "ablation_types.hpp"
#include "configurations.hpp"

namespace cifar10 {

const std::vector<LeftOut>& left_out_of_optimized() {
  static const auto all = left_out_of(ablate<Optimized>(), "optimized");
  return all;
}

}  // namespace cifar10
