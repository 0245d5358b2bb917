// expects: dataset Table of fit does not say the weights of its samples, which policy
// WeightedSampling of axis sampling takes; add `std::span<const double> sample_weights() const` or
// choose Shuffle.
#include "mini.hpp"
#include <gradus/policy/sampling/weighted_sampling.hpp>

int main() {
  Trainer<Net, WeightedSampling> trainer{Net()};
  return static_cast<int>(trainer.fit(Table()).epochs.size());
}
