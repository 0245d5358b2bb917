/// The runs of a comparison by configuration: several seeds of one are one row, one curve.
#pragma once

#include <gradus/observe/comparison.hpp>
#include <gradus/observe/spread.hpp>

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace gradus::observe {

/// One configuration's runs, in the order they ran; it points into the comparison.
struct RunGroup {
  std::string name{};
  std::vector<const RunRecord*> all{};
  std::vector<const RunRecord*>
      runs{};  ///< for figures: those that do not train, or all if each does

  [[nodiscard]] bool is_baseline() const { return name == baseline_name; }
  /// Whether no figure of it is final.
  [[nodiscard]] bool trains() const { return runs.front()->state == RunState::trains; }

  /// `value(run)`, an optional number, of the runs that have it.
  template <class Value>
  [[nodiscard]] Spread spread(Value value) const {
    Spread spread;
    for (const RunRecord* run : runs) {
      if (const std::optional<double> known = value(*run)) spread.values.push_back(*known);
    }
    return spread;
  }

  [[nodiscard]] Spread accuracy() const {
    return spread([](const RunRecord& run) { return run.test_accuracy(); });
  }
  /// Of training.
  [[nodiscard]] Spread seconds() const {
    return spread([](const RunRecord& run) { return std::optional(run.train_seconds()); });
  }
  /// Seed by seed.
  [[nodiscard]] Spread speedup(const Comparison& comparison) const {
    return spread([&](const RunRecord& run) { return comparison.speedup(run); });
  }
};

/// In the order of their first runs.
[[nodiscard]] inline std::vector<RunGroup> run_groups(const Comparison& comparison) {
  std::vector<RunGroup> groups;
  for (const RunRecord& run : comparison.runs) {
    auto group = std::ranges::find(groups, run.name, &RunGroup::name);
    if (group == groups.end()) group = groups.insert(group, RunGroup{.name = run.name});
    group->all.push_back(&run);
    if (run.state != RunState::trains) group->runs.push_back(&run);
  }
  for (RunGroup& group : groups)
    if (group.runs.empty()) group.runs = group.all;
  return groups;
}

/// Whether some configuration was trained with several seeds.
[[nodiscard]] inline bool has_seeds(const Comparison& comparison) {
  return std::ranges::any_of(run_groups(comparison),
                             [](const RunGroup& group) { return group.all.size() > 1; });
}

/// The most seeds that one configuration was trained with.
[[nodiscard]] inline std::int64_t most_seeds(const Comparison& comparison) {
  std::int64_t most = 0;
  for (const RunGroup& group : run_groups(comparison))
    most = std::max(most, static_cast<std::int64_t>(group.all.size()));
  return most;
}

/// "optimized", or "optimized, seed 3" where there are several of that name.
[[nodiscard]] inline std::string run_title(const Comparison& comparison, const RunRecord& run) {
  const auto same = std::ranges::count(comparison.runs, run.name, &RunRecord::name);
  return same > 1 ? run.name + ", seed " + std::to_string(run.seed) : run.name;
}

}  // namespace gradus::observe
