/// What a guard policy asks of the loop.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

namespace gradus {

/// What happens when a loss or, under `each_step`, a gradient is not finite.
enum class OnNotFinite { stop, skip };

constexpr std::array<std::string_view, 2> enum_names(OnNotFinite) { return {"stop", "skip"}; }

/// What happens when a trained parameter has no gradient after the first window.
enum class OnMissingGradient { stop, ignore };

constexpr std::array<std::string_view, 2> enum_names(OnMissingGradient) {
  return {"stop", "ignore"};
}

/// What happens when the loss is too many times the best one.
enum class OnDivergence { stop, warn };

constexpr std::array<std::string_view, 2> enum_names(OnDivergence) { return {"stop", "warn"}; }

/// What happens when the loss is far above its last readings.
enum class OnSpike { warn, stop };

constexpr std::array<std::string_view, 2> enum_names(OnSpike) { return {"warn", "stop"}; }

/// What a guard policy asks of the loop: when it looks at losses and gradients, and what it does
/// about bad ones.
struct GuardPlan {
  OnNotFinite on_not_finite = OnNotFinite::stop;  ///< `skip` needs `each_step`
  OnMissingGradient on_missing_gradient = OnMissingGradient::stop;
  bool each_step = false;          ///< look before every step, which waits for the device
  std::int64_t max_skipped = 100;  ///< skipped steps in a row that end the run
  double divergence = 0;  ///< growth over the best loss so far that is too much; 0: none is
  OnDivergence on_divergence = OnDivergence::stop;
  double spike = 0;  ///< deviations above the median of the last readings; 0: none is too many
  std::int64_t spike_readings = 20;  ///< that the median is over, at least 5
  OnSpike on_spike = OnSpike::warn;
};

}  // namespace gradus
