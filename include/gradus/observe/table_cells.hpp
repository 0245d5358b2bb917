/// The figures of a comparison as the cells of a table, for the terminal, Markdown and the report.
#pragma once

#include <gradus/observe/comparison.hpp>
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

  [[nodiscard]] static Signs ascii() { return {}; }
  [[nodiscard]] static Signs unicode() { return {.times = "×", .none = "–"}; }
};

/// The text of one cell of the comparison's table.
struct Cell {
  std::string text{};
  bool best = false;  ///< of its column, where rows differ
};

/// One configuration's row of the comparison's table.
struct TableRow {
  Cell name{};
  Cell accuracy{};
  Cell seconds{};
  Cell images_per_second{};
  std::optional<Cell> utilization{};  ///< where it is known of some run
  Cell speedup{};
  Cell to_baseline{};

  [[nodiscard]] std::vector<Cell> cells() const {
    std::vector<Cell> all{name, accuracy, seconds, images_per_second};
    if (utilization) all.push_back(*utilization);
    all.insert(all.end(), {speedup, to_baseline});
    return all;
  }
};

/// Whether the share of the device's peak is known for at least one run.
[[nodiscard]] inline bool knows_utilization(const Comparison& comparison) {
  return std::ranges::any_of(comparison.runs,
                             [](const RunRecord& run) { return run.utilization().has_value(); });
}

/// The headings of the columns, in the order of TableRow::cells(). Without a baseline there is
/// nothing to compare with, and the last two are left out.
[[nodiscard]] inline std::vector<std::string> table_headings(const Comparison& comparison) {
  std::vector<std::string> headings{"configuration", "test accuracy", "training time", "images/s"};
  if (knows_utilization(comparison)) headings.push_back("of the peak");
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

/// "12.3x sooner (41 s)", "1.50x later (2 min 10 s)", "as soon (41 s)", "never", "baseline".
[[nodiscard]] inline std::string to_baseline_text(const Comparison& comparison,
                                                  const RunRecord& run, const Signs& signs) {
  const RunRecord* base = comparison.baseline();
  if (base == nullptr || !base->test_accuracy()) return signs.none;
  if (base == &run) return "baseline";
  const auto factor = comparison.time_to_baseline_accuracy(run);
  if (!factor) return "never";
  const std::string when = " (" + duration(*comparison.seconds_to_baseline_accuracy(run)) + ")";
  if (*factor >= 1.005) return ratio(*factor) + signs.times + " sooner" + when;
  if (*factor > 0 && *factor <= 0.995) return ratio(1 / *factor) + signs.times + " later" + when;
  return "as soon" + when;
}

/// One row per run. The best of a column is marked where at least two runs have it and they differ.
[[nodiscard]] inline std::vector<TableRow> table_rows(const Comparison& comparison,
                                                      const Signs& signs) {
  const int decimals = accuracy_decimals(comparison);
  const bool has_utilization = knows_utilization(comparison);
  const auto share_of = [&](const RunRecord& run) -> std::optional<Cell> {
    if (!has_utilization) return std::nullopt;
    const auto share = run.utilization();
    return Cell{share ? percent(*share, 0) : signs.none};
  };
  std::vector<TableRow> rows;
  for (const RunRecord& run : comparison.runs) {
    const auto accuracy = run.test_accuracy();
    const auto speed = run.images_per_second();
    const auto speedup = comparison.speedup(run);
    rows.push_back({.name = {printable(run.name)},
                    .accuracy = {accuracy ? percent(*accuracy, decimals) : signs.none},
                    .seconds = {duration(run.train_seconds())},
                    .images_per_second = {speed ? rate(*speed) : signs.none},
                    .utilization = share_of(run),
                    .speedup = {speedup ? ratio(*speedup) + signs.times : signs.none},
                    .to_baseline = {to_baseline_text(comparison, run, signs)}});
  }
  // `value` gives what is best when it is highest.
  const auto mark = [&](Cell TableRow::* cell, auto value) {
    std::vector<std::optional<double>> values;
    std::vector<double> known;
    for (const RunRecord& run : comparison.runs) {
      values.push_back(value(run));
      if (values.back()) known.push_back(*values.back());
    }
    if (known.size() < 2) return;
    const auto [worst, best] = std::minmax_element(known.begin(), known.end());
    if (*worst == *best) return;
    for (std::size_t at = 0; at < rows.size(); ++at) (rows[at].*cell).best = values[at] == *best;
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
