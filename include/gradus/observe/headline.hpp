/// What a comparison found, in sentences made from its figures.
#pragma once

#include <gradus/observe/comparison.hpp>
#include <gradus/observe/lines.hpp>
#include <gradus/observe/run_ending.hpp>
#include <gradus/observe/run_groups.hpp>
#include <gradus/observe/spread.hpp>
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

/// Points of accuracy by which one mean is ahead of the other, as the table shows them, so that a
/// reader who subtracts finds the same.
[[nodiscard]] inline double points_ahead(const Spread& accuracy, const Spread& base, int decimals) {
  const double unit = std::pow(10.0, decimals);
  const auto shown = [&](const Spread& of) { return std::round(of.mean() * 100 * unit); };
  return (shown(accuracy) - shown(base)) / unit;
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

/// On one configuration alone.
[[nodiscard]] inline std::string alone(const std::string& name, const RunGroup& group,
                                       int decimals) {
  const RunRecord& run = *group.runs.front();
  const auto epochs = counted(static_cast<std::int64_t>(run.epochs.size()), "epoch");
  const auto accuracy = group.accuracy();
  const std::string score = accuracy.values.empty()
                                ? " was trained for "
                                : " scored " + percent(accuracy.mean(), decimals) +
                                      (group.runs.size() > 1 ? " on average after " : " after ");
  return name + score + epochs + ", " + duration(group.seconds().mean()) + " of training.";
}

}  // namespace detail

/// One sentence on the configuration of `run`, one of the comparison, against the baseline, or on
/// it alone if there is none; of several seeds it gives the means.
[[nodiscard]] inline std::string headline(const Comparison& comparison, const RunRecord& run) {
  const int decimals = accuracy_decimals(comparison);
  const auto groups = run_groups(comparison);
  const RunGroup& group = *std::ranges::find(groups, run.name, &RunGroup::name);
  const auto base = std::ranges::find_if(groups, &RunGroup::is_baseline);
  const std::string seeds =
      group.runs.size() > 1
          ? "Over " + grouped(static_cast<std::int64_t>(group.runs.size())) + " seeds "
          : "";
  const std::string name = seeds + printable(run.name);
  if (group.runs.front()->epochs.empty()) {
    return name + (group.trains() ? " is in its first epoch." : " did not finish an epoch.");
  }
  const auto speedup = group.speedup(comparison);
  if (base == groups.end() || group.is_baseline() || !(speedup.mean() > 0))
    return detail::alone(name, group, decimals);
  const std::string base_name = printable(base->name);
  const std::string pace = name + " " + detail::pace_clause(speedup.mean(), base_name);
  const auto accuracy = group.accuracy();
  if (accuracy.values.empty() || base->accuracy().values.empty())
    return pace + "; the accuracy of both is not known.";
  const double points = detail::points_ahead(accuracy, base->accuracy(), decimals);
  const bool at_odds =
      (speedup.mean() >= 1.005 && points < 0) || (speedup.mean() <= 0.995 && points > 0);
  return pace + (at_odds ? " but " : " and ") + detail::score_clause(points, decimals) +
         (seeds.empty() ? "." : ", on average.");
}

/// The run that the comparison is about: `optimized` if it is there, else the fastest against the
/// baseline, else the first; null if there is none.
[[nodiscard]] inline const RunRecord* headline_run(const Comparison& comparison) {
  const RunRecord* chosen = nullptr;
  double highest = 0;
  for (const RunGroup& group : run_groups(comparison)) {
    if (group.name == "optimized") return group.runs.front();
    if (group.is_baseline()) continue;
    const double speedup = group.speedup(comparison).mean();
    if (chosen != nullptr && !(speedup > highest)) continue;
    chosen = group.runs.front();
    highest = speedup;
  }
  if (chosen == nullptr && !comparison.runs.empty()) chosen = &comparison.runs.front();
  return chosen;
}

/// What the page is about, in a sentence: the run that trains, else the finding.
[[nodiscard]] inline std::string page_title(const Comparison& comparison) {
  for (const RunRecord& run : comparison.runs)
    if (run.state == RunState::trains)
      return printable(run_title(comparison, run)) + " is in " + ending(run).substr(10) + ".";
  const RunRecord* first = headline_run(comparison);
  return first == nullptr ? "No run is recorded." : headline(comparison, *first);
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
  for (const RunRecord& run : comparison.runs) {
    const RunRecord* base = comparison.baseline_of(run);
    if (base == nullptr) return sentences;
    const bool trains = run.state == RunState::trains || base->state == RunState::trains;
    std::vector<std::string> found;
    const auto check = [&](const std::string& what, const auto& mine, const auto& theirs) {
      if (mine != theirs) found.push_back(what + " (" + mine + " against " + theirs + ")");
    };
    const auto number = [](auto value) { return grouped(static_cast<std::int64_t>(value)); };
    check("device", printable(run.device), printable(base->device));
    check("width", number(run.width), number(base->width));
    if (!trains) check("epochs", number(run.epochs.size()), number(base->epochs.size()));
    check("training images", number(run.train_samples), number(base->train_samples));
    check("test images", number(run.test_samples), number(base->test_samples));
    check("seed", std::to_string(run.seed), std::to_string(base->seed));
    check("threads", number(run.threads), number(base->threads));
    if (found.empty()) continue;
    std::string list;
    for (std::size_t at = 0; at < found.size(); ++at)
      list += (at == 0 ? "" : at + 1 == found.size() ? " and " : ", ") + found[at];
    sentences.push_back("Not under equal conditions: " + printable(run_title(comparison, run)) +
                        " and " + printable(run_title(comparison, *base)) + " differ in " + list +
                        ".");
  }
  return sentences;
}

}  // namespace gradus::observe
