/// Axes of a chart: where they begin and end, and the round values written along them.
#pragma once

#include <gradus/observe/text.hpp>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace gradus::observe {

/// A mark on an axis: its value, and the text beside it.
struct Tick {
  double at = 0;
  std::string label{};
};

/// An axis of a chart: its title with the unit, its range and its marks.
struct Axis {
  std::string title{};
  double low = 0;
  double high = 1;
  bool logarithmic = false;  ///< then low > 0
  std::vector<Tick> ticks{};

  /// Share of the way from `low` to `high`; outside 0 to 1 for values outside.
  [[nodiscard]] double share(double value) const {
    if (logarithmic) return std::log(value / low) / std::log(high / low);
    return (value - low) / (high - low);
  }
};

/// The smallest of 1, 2, 2.5, 5, 10, ... times a power of ten that divides `span` in at most
/// `parts`.
[[nodiscard]] inline double nice_step(double span, int parts) {
  const double least = span / parts;
  const double power = std::pow(10.0, std::floor(std::log10(least)));
  for (const double factor : {1.0, 2.0, 2.5, 5.0})
    if (factor * power >= least * (1 - 1e-9)) return factor * power;
  return 10 * power;
}

/// From a round value at or below `low` to one at or above `high`, with at most `parts` + 2 ticks.
[[nodiscard]] inline Axis linear_axis(std::string title, double low, double high, int parts = 5,
                                      const std::string& unit = {}) {
  if (!(high - low > 1e-9 * std::max(std::abs(low), std::abs(high)))) {
    const double margin = std::max(0.05 * std::abs(low), 1e-3);
    low -= margin;
    high += margin;
  }
  const double step = nice_step(high - low, parts);
  const double first = std::floor(low / step + 1e-9);
  const double last = std::ceil(high / step - 1e-9);
  int decimals = 0;
  constexpr int most_decimals = 9;
  for (double rest = step;
       decimals <= most_decimals && std::abs(rest - std::round(rest)) > 1e-6 * rest;)
    rest *= 10, ++decimals;
  Axis axis{.title = std::move(title), .low = first * step, .high = last * step};
  const double largest = std::max(std::abs(axis.low), std::abs(axis.high));
  const int digits = static_cast<int>(std::ceil(std::log10(largest / step))) + 2;  // of each tick
  for (double at = first; at <= last + 0.5; ++at) {
    const double value = at * step;
    const bool is_plain = decimals <= most_decimals && largest < 1e15;
    axis.ticks.push_back({value, (!is_plain       ? in_digits(value == 0 ? 0 : value, digits)
                                  : decimals == 0 ? grouped(std::llround(value))
                                                  : fixed(value, decimals)) +
                                     unit});
  }
  return axis;
}

/// Whole epochs from 1 to `last`, with room on both sides.
[[nodiscard]] inline Axis epoch_axis(std::int64_t last) {
  const auto end = static_cast<double>(std::max<std::int64_t>(1, last));
  const double margin = std::max(0.03 * (end - 1), end == 1 ? 0.5 : 0.0);
  Axis axis{.title = "epoch", .low = 1 - margin, .high = end + margin};
  const double step = std::max(1.0, std::round(nice_step(end, 8)));
  if (step > 1) axis.ticks.push_back({1, "1"});
  for (double at = step; at <= end; at += step)
    axis.ticks.push_back({at, grouped(std::llround(at))});
  return axis;
}

/// Training time from 0 to `seconds`, in the unit that suits it.
[[nodiscard]] inline Axis time_axis(double seconds) {
  const double unit = seconds < 300 ? 1 : seconds < 4 * 3600 ? 60 : 3600;
  const std::string name = unit == 1 ? "seconds" : unit == 60 ? "minutes" : "hours";
  Axis axis = linear_axis("training time, " + name, 0, seconds / unit);
  axis.high = std::min(axis.high, 1.02 * std::max(seconds, 1e-9) / unit);
  std::erase_if(axis.ticks, [&](const Tick& tick) { return tick.at > axis.high; });
  for (Tick& tick : axis.ticks) tick.at *= unit;
  axis.high *= unit;
  return axis;
}

/// A round length of time: "0.01 s", "30 s", "5 min", "2 h".
[[nodiscard]] inline std::string time_label(double seconds) {
  if (seconds < 60) return shortest(seconds) + " s";
  if (seconds < 3600) return shortest(seconds / 60) + " min";
  return shortest(seconds / 3600) + " h";
}

/// Training time from `least` to `most` seconds on a logarithmic scale; 0 < least < most.
[[nodiscard]] inline Axis logarithmic_time_axis(double least, double most) {
  Axis axis{.title = "training time, logarithmic",
            .low = least / 1.15,
            .high = most * 1.08,
            .logarithmic = true};
  // The powers come first; the values between them are written where there is room.
  constexpr double candidates[] = {
      1e-3,  0.01,   0.1,    1.0,    10.0, 60.0, 600.0, 3600.0, 36e3, 360e3, 3600e3,  //
      2e-3,  5e-3,   0.02,   0.05,   0.2,  0.5,  2.0,   5.0,    20.0, 30.0,  120.0,   //
      300.0, 1200.0, 1800.0, 7200.0, 18e3, 72e3, 180e3};
  constexpr double room = 0.13;  // of the axis, for one label
  for (const double at : candidates) {
    if (at < axis.low || at > axis.high) continue;
    const bool taken = std::any_of(axis.ticks.begin(), axis.ticks.end(), [&](const Tick& tick) {
      return std::abs(axis.share(tick.at) - axis.share(at)) < room;
    });
    if (!taken) axis.ticks.push_back({at, time_label(at)});
  }
  return axis;
}

}  // namespace gradus::observe
