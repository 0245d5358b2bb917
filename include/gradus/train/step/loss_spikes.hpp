/// Losses far above the last ones.
#pragma once

#include <gradus/core/state_dict.hpp>

#include <ATen/ops/empty.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <vector>

namespace gradus {

/// The last readings of a loss, and which of them are spikes. Medians, not means, so that a spike
/// hardly changes what the next reading is compared with; a loss that stays at its new level for
/// half of the readings is none any more.
class LossSpikes {
 public:
  /// A reading that is a spike.
  struct Spike {
    double median = 0;     ///< of the readings before
    double deviation = 0;  ///< of these
  };

  /// Over the last `size` readings.
  explicit LossSpikes(std::int64_t size) : size_(static_cast<std::size_t>(size)) {}

  /// Adds a reading. Returns what it was compared with if it is more than `factor` deviations above
  /// the median of the readings before, of which there must be `size`: 1.4826 median absolute
  /// deviations, or, where these are 0, 1.2533 mean ones. If all readings were equal there is
  /// nothing to compare with. Source: Iglewicz and Hoaglin 1993, "How to detect and handle
  /// outliers".
  std::optional<Spike> add(double loss, double factor) {
    std::optional<Spike> found;
    if (last_.size() == size_) {
      const auto before = spread();
      if (before.deviation > 0 && loss - before.median > factor * before.deviation) found = before;
      last_.pop_front();
    }
    last_.push_back(loss);
    return found;
  }

  void save(StateDict& to) const {
    auto readings = at::empty({static_cast<std::int64_t>(last_.size())}, at::kDouble);
    std::ranges::copy(last_, readings.mutable_data_ptr<double>());
    to.put("last_readings", readings);
  }
  /// Of a state that has none, as of a version before them, there are none yet.
  void load(const StateDict& from) {
    last_.clear();
    if (!from.has("last_readings")) return;
    const auto readings = from.copy("last_readings").to(at::kDouble).contiguous();
    const auto* begin = readings.const_data_ptr<double>();
    last_.assign(begin, begin + readings.numel());
    while (last_.size() > size_) last_.pop_front();
  }

 private:
  static double median_of(std::vector<double> values) {
    const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
    std::ranges::nth_element(values, middle);
    if (values.size() % 2 == 1) return *middle;
    return (*middle + *std::max_element(values.begin(), middle)) / 2;
  }

  [[nodiscard]] Spike spread() const {
    const double median = median_of({last_.begin(), last_.end()});
    std::vector<double> distances;
    double sum = 0;
    for (const double loss : last_) {
      distances.push_back(std::abs(loss - median));
      sum += distances.back();
    }
    const double deviation = 1.4826 * median_of(distances);
    const double mean = 1.2533 * sum / static_cast<double>(last_.size());
    return {.median = median, .deviation = deviation > 0 ? deviation : mean};
  }

  std::size_t size_;
  std::deque<double> last_;  ///< the newest one behind
};

}  // namespace gradus
