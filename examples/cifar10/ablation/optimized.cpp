#include "configurations.hpp"
#include "trainers_without.hpp"

namespace cifar10 {

const std::vector<LeftOut>& left_out_of_optimized() {
  static const auto all = left_out_of(ablate<Optimized>(), "optimized");
  return all;
}

}  // namespace cifar10
