/// What a comparison found, in sentences made from its figures.
#pragma once

#include <gradus/observe/comparison.hpp>
#include <gradus/observe/lines.hpp>
#include <gradus/observe/table_cells.hpp>
#include <gradus/observe/text.hpp>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace gradus::observe {

namespace detail {

/// Points of accuracy by which `run` is ahead of `base`, as the table shows them, so that a reader
/// who subtracts finds the same.
[[nodiscard]] inline double points_ahead(const RunRecord& run, const RunRecord& base,
                                         int decimals) {
  const double unit = std::pow(10.0, decimals);
  const auto shown = [&](const RunRecord& of) {
    return std::round(*of.test_accuracy() * 100 * unit);
  };
  return (shown(run) - shown(base)) / unit;
}

/// "trained 8.4 times as fast as unoptimized", "took 1.30 times as long as unoptimized".
[[nodiscard]] inline std::string pace_clause(double speedup, const std::string& base) {
  if (speedup >= 1.005) return "trained " + ratio(speedup) + " times as fast as " + base;
  if (speedup > 0.995) return "took as long as " + base;
  return "took " + ratio(1 / speedup) + " times as long as " + base;
}

/// "scored 3.1 points more"; as fine as the table only where a tenth would say too little.
[[nodiscard]] inline std::string score_clause(double points, int decimals) {
  if (points == 0) return "scored the same";
  const std::string size = fixed(std::abs(points), std::abs(points) < 1 ? decimals : 1);
  return "scored " + size + " points " + (points > 0 ? "more" : "less");
}

}  // namespace detail

/// One sentence on `run` against the baseline, or on `run` alone if there is none.
[[nodiscard]] inline std::string headline(const Comparison& comparison, const RunRecord& run) {
  const int decimals = accuracy_decimals(comparison);
  const std::string name = printable(run.name);
  const RunRecord* base = comparison.baseline();
  const auto accuracy = run.test_accuracy();
  const auto speedup = comparison.speedup(run);
  if (run.epochs.empty()) return name + " did not finish an epoch.";
  if (base == nullptr || base == &run || !speedup || !(*speedup > 0)) {
    const std::string score =
        accuracy ? " scored " + percent(*accuracy, decimals) + " after " : " was trained for ";
    return name + score + counted(static_cast<std::int64_t>(run.epochs.size()), "epoch") + ", " +
           duration(run.train_seconds()) + " of training.";
  }
  const std::string pace = name + " " + detail::pace_clause(*speedup, printable(base->name));
  if (!accuracy || !base->test_accuracy()) return pace + "; the accuracy of both is not known.";
  const double points = detail::points_ahead(run, *base, decimals);
  const bool at_odds = (*speedup >= 1.005 && points < 0) || (*speedup <= 0.995 && points > 0);
  return pace + (at_odds ? " but " : " and ") + detail::score_clause(points, decimals) + ".";
}

/// The sentence on the run that the comparison is about: `optimized` if it is there, else the
/// fastest against the baseline, else the first.
[[nodiscard]] inline const RunRecord* headline_run(const Comparison& comparison) {
  const RunRecord* chosen = nullptr;
  for (const RunRecord& run : comparison.runs) {
    if (run.name == "optimized") return &run;
    if (&run == comparison.baseline()) continue;
    const bool faster = chosen == nullptr || comparison.speedup(run).value_or(0) >
                                                 comparison.speedup(*chosen).value_or(0);
    if (faster) chosen = &run;
  }
  if (chosen == nullptr && !comparison.runs.empty()) chosen = &comparison.runs.front();
  return chosen;
}

/// Points of accuracy within which two runs can differ by chance: 95% of differences of two
/// independent test scores (binomial, at the accuracy where it is widest here); none if not tested.
[[nodiscard]] inline std::optional<double> chance_points(const Comparison& comparison) {
  std::optional<double> widest;
  for (const RunRecord& run : comparison.runs) {
    const auto p = run.test_accuracy();
    if (!p || run.epochs.back().test->samples <= 0) continue;
    const auto n = static_cast<double>(run.epochs.back().test->samples);
    widest = std::max(widest.value_or(0), 196 * std::sqrt(2 * *p * (1 - *p) / n));
  }
  return widest;
}

/// Where a run did not have the same conditions as the baseline: one sentence per run.
[[nodiscard]] inline std::vector<std::string> unequal_conditions(const Comparison& comparison) {
  std::vector<std::string> sentences;
  const RunRecord* base = comparison.baseline();
  if (base == nullptr) return sentences;
  for (const RunRecord& run : comparison.runs) {
    std::vector<std::string> found;
    const auto check = [&](const std::string& what, const auto& mine, const auto& theirs) {
      if (mine != theirs) found.push_back(what + " (" + mine + " against " + theirs + ")");
    };
    const auto number = [](auto value) { return grouped(static_cast<std::int64_t>(value)); };
    check("device", printable(run.device), printable(base->device));
    check("width", number(run.width), number(base->width));
    check("epochs", number(run.epochs.size()), number(base->epochs.size()));
    check("training images", number(run.train_samples), number(base->train_samples));
    check("test images", number(run.test_samples), number(base->test_samples));
    check("seed", std::to_string(run.seed), std::to_string(base->seed));
    check("threads", number(run.threads), number(base->threads));
    if (found.empty()) continue;
    std::string list;
    for (std::size_t at = 0; at < found.size(); ++at)
      list += (at == 0 ? "" : at + 1 == found.size() ? " and " : ", ") + found[at];
    sentences.push_back("Not under equal conditions: " + printable(run.name) + " and " +
                        printable(base->name) + " differ in " + list + ".");
  }
  return sentences;
}

}  // namespace gradus::observe
