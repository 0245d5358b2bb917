/// The charts of a comparison: accuracy and loss, over epochs and over training time.
#pragma once

#include <gradus/observe/chart.hpp>
#include <gradus/observe/chart_axis.hpp>
#include <gradus/observe/comparison.hpp>
#include <gradus/observe/run_groups.hpp>
#include <gradus/observe/spread.hpp>
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
enum class Quantity { test_accuracy, train_loss, test_loss };
/// What is drawn to the right.
enum class Progression { epochs, training_time };

/// Of each of `run_groups`. Style 0, grey, is the baseline's; the others are numbered in their
/// order from 1.
[[nodiscard]] inline std::vector<std::size_t> run_styles(const Comparison& comparison) {
  std::vector<std::size_t> styles;
  std::size_t next = 1;
  for (const RunGroup& group : run_groups(comparison))
    styles.push_back(group.is_baseline() ? 0 : next++);
  return styles;
}

namespace detail {

/// Accuracy in percent.
[[nodiscard]] inline std::optional<double> value_of(const EpochRecord& epoch, Quantity quantity) {
  std::optional<double> value;
  if (quantity == Quantity::train_loss) value = epoch.train_loss;
  if (quantity == Quantity::test_loss && epoch.test) value = epoch.test->loss;
  if (quantity == Quantity::test_accuracy && epoch.test) {
    if (const auto accuracy = epoch.test->accuracy()) value = 100 * *accuracy;
  }
  return value && std::isfinite(*value) ? value : std::nullopt;
}

/// The epochs that all runs of the group have; of several seeds the means, over the mean time.
[[nodiscard]] inline Series series_of(const RunGroup& group, std::size_t style, Quantity quantity,
                                      Progression progression, int decimals) {
  Series series{.name = printable(group.name), .style = style};
  std::size_t epochs = group.runs.front()->epochs.size();
  for (const RunRecord* run : group.runs) epochs = std::min(epochs, run->epochs.size());
  std::vector<double> seconds(group.runs.size());
  const auto shown = [&](double value) {
    return quantity == Quantity::test_accuracy ? fixed(value, decimals) + "%"
                                               : "loss " + metric_text(value);
  };
  for (std::size_t at = 0; at < epochs; ++at) {
    Spread values, times;
    for (std::size_t run = 0; run < group.runs.size(); ++run) {
      const EpochRecord& epoch = group.runs[run]->epochs[at];
      seconds[run] += epoch.train_seconds;
      const auto value = value_of(epoch, quantity);
      if (!value || !std::isfinite(seconds[run])) continue;
      values.values.push_back(*value);
      times.values.push_back(seconds[run]);
    }
    if (values.values.empty()) continue;
    const std::int64_t number = group.runs.front()->epochs[at].epoch;
    const std::string deviation =
        values.values.size() > 1
            ? " ± " + (quantity == Quantity::test_accuracy ? fixed(values.deviation(), decimals)
                                                           : metric_text(values.deviation()))
            : "";
    series.points.push_back(
        {.x = progression == Progression::epochs ? static_cast<double>(number) : times.mean(),
         .y = values.mean(),
         .tip = series.name + ", epoch " + std::to_string(number) + ": " + shown(values.mean()) +
                deviation + " after " + fixed(times.mean(), 1) + " s of training",
         .deviation = values.deviation()});
  }
  return series;
}

[[nodiscard]] inline Axis value_axis(const std::vector<Series>& series, Quantity quantity) {
  double low = 0;
  double high = 0;
  bool first = true;
  for (const Series& one : series)
    for (const ChartPoint& point : one.points) {
      const double least = point.y - point.deviation, most = point.y + point.deviation;
      low = first ? least : std::min(low, least);
      high = first ? most : std::max(high, most);
      first = false;
    }
  if (quantity != Quantity::test_accuracy)
    return linear_axis(quantity == Quantity::train_loss ? "mean training loss" : "test loss",
                       low < 0.4 * high ? std::min(low, 0.0) : low, high);
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

/// One chart of all configurations; none if there is no point to show. Of several seeds a line is
/// their mean, and a band around it reaches one standard deviation up and down.
[[nodiscard]] inline std::optional<Chart> run_chart(const Comparison& comparison, Quantity quantity,
                                                    Progression progression) {
  const auto styles = run_styles(comparison);
  const int decimals = accuracy_decimals(comparison);
  Chart chart;
  const auto groups = run_groups(comparison);
  for (std::size_t at = 0; at < groups.size(); ++at) {
    Series series = detail::series_of(groups[at], styles[at], quantity, progression, decimals);
    if (!series.points.empty()) chart.series.push_back(std::move(series));
  }
  if (chart.series.empty()) return std::nullopt;
  chart.y = detail::value_axis(chart.series, quantity);
  chart.x = detail::run_axis(chart.series, progression);
  chart.summary = chart.y.title + " over " +
                  (progression == Progression::epochs ? "epochs" : chart.x.title) + ". At the end:";
  for (const Series& series : chart.series) chart.summary += " " + series.points.back().tip + ".";
  const auto base = std::ranges::find_if(groups, &RunGroup::is_baseline);
  const bool asks_when = quantity == Quantity::test_accuracy &&
                         progression == Progression::training_time && groups.size() > 1;
  if (asks_when && base != groups.end() && !base->trains() && !base->accuracy().values.empty())
    chart.references.push_back(
        {100 * base->accuracy().mean(), "what " + printable(base->name) + " scored in the end" +
                                            (base->runs.size() > 1 ? ", on average" : "")});
  return chart;
}

}  // namespace gradus::observe
