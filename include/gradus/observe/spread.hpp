/// One quantity measured several times: its mean, and how far the values lie apart.
#pragma once

#include <cmath>
#include <vector>

namespace gradus::observe {

/// One quantity, with a value for each seed.
struct Spread {
  std::vector<double> values{};

  /// 0 of no value.
  [[nodiscard]] double mean() const {
    if (values.empty()) return 0;
    double sum = 0;
    for (const double value : values) sum += value;
    return sum / static_cast<double>(values.size());
  }

  /// The standard deviation of one value, estimated with n - 1; 0 for a single one.
  [[nodiscard]] double deviation() const {
    if (values.size() < 2) return 0;
    double squares = 0;
    for (const double value : values) squares += (value - mean()) * (value - mean());
    return std::sqrt(squares / static_cast<double>(values.size() - 1));
  }
};

}  // namespace gradus::observe
