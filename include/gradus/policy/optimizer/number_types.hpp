/// What an optimizer must know of the number types of its parameters.
#pragma once

#include <gradus/core/parameters.hpp>
#include <gradus/error.hpp>

#include <c10/util/BFloat16.h>
#include <c10/util/Half.h>

#include <limits>
#include <string>
#include <string_view>

namespace gradus {

/// Throws ConfigurationError for a complex parameter, to optimizers that are made for real ones.
inline void refuse_complex(const NamedTensor& parameter, std::string_view optimizer) {
  if (!parameter.tensor.is_complex()) return;
  throw ConfigurationError("parameter '" + parameter.name + "' is " +
                           c10::toString(parameter.tensor.scalar_type()) + ", but " +
                           std::string(optimizer) +
                           " takes real ones alone; choose SGD, Adam, AdamW, RMSprop or Lion.");
}

/// The distance from 1 to the next number of a floating type, and its least normal number.
struct NumberLimits {
  double epsilon;
  double least;
};

/// The limits of a parameter's type; those of float32 for any type that is not float16, bfloat16 or
/// float64.
[[nodiscard]] inline NumberLimits limits_of(c10::ScalarType type) {
  const auto of = []<class T>(T) {
    return NumberLimits{static_cast<double>(std::numeric_limits<T>::epsilon()),
                        static_cast<double>(std::numeric_limits<T>::min())};
  };
  switch (type) {
    case c10::kHalf:
      return of(c10::Half());
    case c10::kBFloat16:
      return of(c10::BFloat16());
    case c10::kDouble:
    case c10::kComplexDouble:
      return of(double());
    default:
      return of(float());
  }
}

}  // namespace gradus
