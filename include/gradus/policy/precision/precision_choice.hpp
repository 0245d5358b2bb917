/// What a precision policy settled on for one device.
#pragma once

#include <c10/core/ScalarType.h>

#include <string>

namespace gradus {

/// Kept in the run's record.
struct PrecisionChoice {
  c10::ScalarType type = c10::kFloat;  ///< of the operators that autocast covers
  bool scaled = false;                 ///< whether gradients are scaled
  std::string reason;
};

}  // namespace gradus
