/// The figures of a comparison as the cells of a table, for the terminal, Markdown and the report.
#pragma once

#include <gradus/observe/comparison.hpp>
#include <gradus/observe/run_groups.hpp>
#include <gradus/observe/spread.hpp>
#include <gradus/observe/text.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace gradus::observe {

/// Signs beyond ASCII, or their stand-ins.
struct Signs {
  std::string times = " x";
  std::string none = "-";
  std::string plus_minus = "+-";

  [[nodiscard]] static Signs ascii() { return {}; }
  [[nodiscard]] static Signs unicode() { return {.times = "×", .none = "–", .plus_minus = "±"}; }
};

/// The text of one cell of the comparison's table.
struct Cell {
  std::string text{};
  bool best = false;        ///< of its column, where rows differ
  std::string deviation{};  ///< of the mean that `text` is, as in "± 0.21%"; empty for one run

  [[nodiscard]] std::string whole() const {
    return deviation.empty() ? text : text + " " + deviation;
  }
};

/// One configuration's row of the comparison's table.
struct TableRow {
  Cell name{};
  Cell accuracy{};
  Cell seconds{};
  Cell images_per_second{};
  std::optional<Cell> utilization{};  ///< where it is known of some run
  std::optional<Cell> peak_memory{};  ///< likewise
  Cell speedup{};
  Cell to_baseline{};

  [[nodiscard]] std::vector<Cell> cells() const {
    std::vector<Cell> all{name, accuracy, seconds, images_per_second};
    if (utilization) all.push_back(*utilization);
    if (peak_memory) all.push_back(*peak_memory);
    all.insert(all.end(), {speedup, to_baseline});
    return all;
  }
};

/// Whether the share of the device's peak is known for at least one run.
[[nodiscard]] inline bool knows_utilization(const Comparison& comparison) {
  return std::ranges::any_of(comparison.runs,
                             [](const RunRecord& run) { return run.utilization().has_value(); });
}

/// Whether the peak memory of any run is known.
[[nodiscard]] inline bool knows_peak_memory(const Comparison& comparison) {
  return std::ranges::any_of(comparison.runs,
                             [](const RunRecord& run) { return run.peak_memory() > 0; });
}

/// The headings of the columns, in the order of TableRow::cells(). Without a baseline there is
/// nothing to compare with, and the last two are left out.
[[nodiscard]] inline std::vector<std::string> table_headings(const Comparison& comparison) {
  std::vector<std::string> headings{"configuration", "test accuracy", "training time", "images/s"};
  if (knows_utilization(comparison)) headings.push_back("of matmul rate");
  if (knows_peak_memory(comparison)) headings.push_back("peak memory");
  if (comparison.baseline() != nullptr) {
    headings.insert(headings.end(), {"speed-up", "to baseline's accuracy"});
  }
  return headings;
}

/// Digits after the point of an accuracy in percent: as many as the number of test samples bears.
[[nodiscard]] inline int accuracy_decimals(const Comparison& comparison) {
  std::int64_t fewest = 10'000;
  for (const RunRecord& run : comparison.runs)
    if (!run.epochs.empty() && run.epochs.back().test)
      fewest = std::min(fewest, run.epochs.back().test->samples);
  return fewest >= 5'000 ? 2 : 1;
}

/// "12.3x sooner (41 s)", "1.50x later (2 min 10 s)", "as soon (41 s)", "never", "baseline"; of
/// several seeds the means, and how many never got there.
[[nodiscard]] inline std::string to_baseline_text(const Comparison& comparison,
                                                  const RunGroup& group, const Signs& signs) {
  const RunRecord* base = comparison.baseline();
  if (group.is_baseline()) return base->test_accuracy() ? "baseline" : signs.none;
  if (base == nullptr || !base->test_accuracy() || base->state == RunState::trains)
    return signs.none;
  const auto factors =
      group.spread([&](const RunRecord& run) { return comparison.time_to_baseline_accuracy(run); });
  if (factors.values.empty()) return group.trains() ? "not yet" : "never";
  const auto seconds = group.spread(
      [&](const RunRecord& run) { return comparison.seconds_to_baseline_accuracy(run); });
  const double factor = factors.mean();
  const std::size_t never = group.runs.size() - factors.values.size();
  const std::string when = " (" + duration(seconds.mean()) + ")" +
                           (never == 0 ? ""
                                       : ", " + std::to_string(never) + " of " +
                                             std::to_string(group.runs.size()) + " never");
  if (factor >= 1.005) return ratio(factor) + signs.times + " sooner" + when;
  if (factor > 0 && factor <= 0.995) return ratio(1 / factor) + signs.times + " later" + when;
  return "as soon" + when;
}

namespace detail {

/// The mean as `show` shows it, with the deviation of several.
template <class Show>
Cell mean_cell(const Spread& spread, const Signs& signs, Show show) {
  if (spread.values.empty()) return {signs.none};
  Cell cell{show(spread.mean())};
  if (spread.values.size() > 1) cell.deviation = signs.plus_minus + " " + show(spread.deviation());
  return cell;
}

[[nodiscard]] inline TableRow table_row(const Comparison& comparison, const RunGroup& group,
                                        const Signs& signs, int decimals) {
  using Value = std::optional<double>;
  const auto of = [&](auto value) { return group.spread(value); };
  TableRow row{.name = {printable(group.name)},
               .accuracy = mean_cell(group.accuracy(), signs,
                                     [&](double value) { return percent(value, decimals); }),
               .seconds = mean_cell(group.seconds(), signs, duration),
               .images_per_second = mean_cell(
                   of([](const RunRecord& run) { return run.images_per_second(); }), signs, rate),
               .speedup = mean_cell(group.speedup(comparison), signs,
                                    [&](double value) { return ratio(value) + signs.times; }),
               .to_baseline = {to_baseline_text(comparison, group, signs)}};
  if (group.is_baseline()) row.speedup.deviation.clear();  // against itself
  if (knows_utilization(comparison)) {
    const auto share = of([](const RunRecord& run) { return run.utilization(); });
    row.utilization = {share.values.empty() ? signs.none : percent(share.mean(), 0)};
  }
  if (knows_peak_memory(comparison)) {
    const auto bytes = of([](const RunRecord& run) -> Value {
      return run.peak_memory() > 0 ? Value(run.peak_memory()) : std::nullopt;
    });
    const auto most = std::ranges::max_element(bytes.values);
    row.peak_memory = {most == bytes.values.end() ? signs.none
                                                  : memory_size(static_cast<std::int64_t>(*most))};
  }
  return row;
}

}  // namespace detail

/// One row per configuration: its run, or the means over its seeds, each with the standard
/// deviation of one run; the peak memory is the most of all. The best of a column is marked where
/// at least two have it and they differ.
[[nodiscard]] inline std::vector<TableRow> table_rows(const Comparison& comparison,
                                                      const Signs& signs) {
  const int decimals = accuracy_decimals(comparison);
  const auto groups = run_groups(comparison);
  std::vector<TableRow> rows;
  for (const RunGroup& group : groups)
    rows.push_back(detail::table_row(comparison, group, signs, decimals));
  // `value` gives what is best when it is highest.
  const auto mark = [&](Cell TableRow::* cell, auto value) {
    std::vector<std::optional<double>> means;
    std::vector<double> known;
    for (const RunGroup& group : groups) {
      const Spread spread = group.spread(value);
      const bool final = !spread.values.empty() && !group.trains();
      means.push_back(final ? std::optional(spread.mean()) : std::nullopt);
      if (final) known.push_back(spread.mean());
    }
    if (known.size() < 2) return;
    const auto [worst, best] = std::minmax_element(known.begin(), known.end());
    if (*worst == *best) return;
    for (std::size_t at = 0; at < rows.size(); ++at) (rows[at].*cell).best = means[at] == *best;
  };
  using Value = std::optional<double>;
  mark(&TableRow::accuracy, [](const RunRecord& run) -> Value { return run.test_accuracy(); });
  mark(&TableRow::seconds, [](const RunRecord& run) -> Value { return -run.train_seconds(); });
  mark(&TableRow::images_per_second,
       [](const RunRecord& run) -> Value { return run.images_per_second(); });
  mark(&TableRow::speedup, [&](const RunRecord& run) -> Value { return comparison.speedup(run); });
  mark(&TableRow::to_baseline,
       [&](const RunRecord& run) -> Value { return comparison.time_to_baseline_accuracy(run); });
  return rows;
}

}  // namespace gradus::observe
