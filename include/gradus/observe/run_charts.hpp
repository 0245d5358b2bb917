/// The charts of a comparison: accuracy and loss, over epochs and over training time.
#pragma once

#include <gradus/observe/chart.hpp>
#include <gradus/observe/chart_axis.hpp>
#include <gradus/observe/comparison.hpp>
#include <gradus/observe/table_cells.hpp>
#include <gradus/observe/text.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace gradus::observe {

/// What is drawn upwards.
enum class Quantity { test_accuracy, train_loss };
/// What is drawn to the right.
enum class Progression { epochs, training_time };

/// Style 0, grey, is the baseline's; the others are numbered in their order from 1.
[[nodiscard]] inline std::vector<std::size_t> run_styles(const Comparison& comparison) {
  std::vector<std::size_t> styles;
  std::size_t next = 1;
  for (const RunRecord& run : comparison.runs)
    styles.push_back(&run == comparison.baseline() ? 0 : next++);
  return styles;
}

namespace detail {

/// Accuracy in percent.
[[nodiscard]] inline std::optional<double> value_of(const EpochRecord& epoch, Quantity quantity) {
  std::optional<double> value;
  if (quantity == Quantity::train_loss) value = epoch.train_loss;
  if (quantity == Quantity::test_accuracy && epoch.test) {
    if (const auto accuracy = epoch.test->accuracy()) value = 100 * *accuracy;
  }
  return value && std::isfinite(*value) ? value : std::nullopt;
}

[[nodiscard]] inline Series series_of(const RunRecord& run, std::size_t style, Quantity quantity,
                                      Progression progression, int decimals) {
  Series series{.name = printable(run.name), .style = style};
  double seconds = 0;
  for (const EpochRecord& epoch : run.epochs) {
    seconds += epoch.train_seconds;
    const auto value = value_of(epoch, quantity);
    if (!value || !std::isfinite(seconds)) continue;
    const std::string shown = quantity == Quantity::train_loss ? "loss " + fixed(*value, 4)
                                                               : fixed(*value, decimals) + "%";
    series.points.push_back(
        {.x = progression == Progression::epochs ? static_cast<double>(epoch.epoch) : seconds,
         .y = *value,
         .tip = series.name + ", epoch " + std::to_string(epoch.epoch) + ": " + shown + " after " +
                fixed(seconds, 1) + " s of training"});
  }
  return series;
}

[[nodiscard]] inline Axis value_axis(const std::vector<Series>& series, Quantity quantity) {
  double low = 0;
  double high = 0;
  bool first = true;
  for (const Series& one : series)
    for (const ChartPoint& point : one.points) {
      low = first ? point.y : std::min(low, point.y);
      high = first ? point.y : std::max(high, point.y);
      first = false;
    }
  if (quantity == Quantity::train_loss)
    return linear_axis("mean training loss", low < 0.4 * high ? std::min(low, 0.0) : low, high);
  Axis axis = linear_axis("test accuracy", low, high, 5, "%");
  return axis.low < 0 || axis.high > 100 ? linear_axis("test accuracy", 0, 100, 5, "%") : axis;
}

/// Logarithmic where the longest run takes over ten times the shortest.
[[nodiscard]] inline Axis run_axis(const std::vector<Series>& series, Progression progression) {
  double last = 0;
  std::optional<double> first;
  std::optional<double> shortest_run;
  for (const Series& one : series) {
    if (one.points.empty()) continue;
    last = std::max(last, one.points.back().x);
    first = std::min(first.value_or(one.points.front().x), one.points.front().x);
    shortest_run = std::min(shortest_run.value_or(one.points.back().x), one.points.back().x);
  }
  if (progression == Progression::epochs) return epoch_axis(std::llround(last));
  if (first && *first > 0 && last > 10 * *shortest_run) return logarithmic_time_axis(*first, last);
  return time_axis(last);
}

}  // namespace detail

/// One chart of all runs; none if no run has a point to show.
[[nodiscard]] inline std::optional<Chart> run_chart(const Comparison& comparison, Quantity quantity,
                                                    Progression progression) {
  const auto styles = run_styles(comparison);
  const int decimals = accuracy_decimals(comparison);
  Chart chart;
  for (std::size_t at = 0; at < comparison.runs.size(); ++at) {
    Series series =
        detail::series_of(comparison.runs[at], styles[at], quantity, progression, decimals);
    if (!series.points.empty()) chart.series.push_back(std::move(series));
  }
  if (chart.series.empty()) return std::nullopt;
  chart.y = detail::value_axis(chart.series, quantity);
  chart.x = detail::run_axis(chart.series, progression);
  chart.summary = chart.y.title + " over " +
                  (progression == Progression::epochs ? "epochs" : chart.x.title) + ". At the end:";
  for (const Series& series : chart.series) chart.summary += " " + series.points.back().tip + ".";
  const RunRecord* base = comparison.baseline();
  const bool asks_when = quantity == Quantity::test_accuracy &&
                         progression == Progression::training_time && comparison.runs.size() > 1;
  if (asks_when && base != nullptr && base->test_accuracy())
    chart.references.push_back(
        {100 * *base->test_accuracy(), "what " + printable(base->name) + " scored in the end"});
  return chart;
}

}  // namespace gradus::observe
