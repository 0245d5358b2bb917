/// The word between a schedule, which gives rates, and an optimizer, which steps with them.
#pragma once

#include <optional>

namespace gradus {

/// What an optimizer step is made with.
struct Rates {
  double learning_rate = 0;
  std::optional<double> momentum;  ///< SGD's momentum or Adam's beta1; absent: the optimizer's own
};

}  // namespace gradus
