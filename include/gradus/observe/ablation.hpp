/// What each policy of a configuration contributes, from runs without it.
#pragma once

#include <gradus/observe/comparison.hpp>
#include <gradus/observe/spread.hpp>

#include <nlohmann/json.hpp>

#include <algorithm>
#include <cstddef>
#include <string>
#include <vector>

namespace gradus::observe {

/// Of one configuration, a value for each seed.
struct AblationFigures {
  Spread accuracy{};  ///< fraction; of the runs that were tested
  Spread seconds{};   ///< of training

  void add(const RunRecord& record) {
    if (const auto tested = record.test_accuracy()) accuracy.values.push_back(*tested);
    seconds.values.push_back(record.train_seconds());
  }
  /// Whether each run has an accuracy.
  [[nodiscard]] bool is_tested() const { return accuracy.values.size() == seconds.values.size(); }
};

/// The configuration without one policy.
struct Contribution {
  std::string axis{};
  std::string policy{};
  AblationFigures without{};

  /// By having the policy, seed by seed: fraction; nothing where a run was not tested.
  [[nodiscard]] Spread accuracy(const AblationFigures& whole) const {
    if (!whole.is_tested() || !without.is_tested()) return {};
    return pairs(whole.accuracy, without.accuracy,
                 [](double with, double left_out) { return with - left_out; });
  }
  /// Without it over with it, seed by seed.
  [[nodiscard]] Spread time_ratio(const AblationFigures& whole) const {
    return pairs(whole.seconds, without.seconds,
                 [](double with, double left_out) { return left_out / with; });
  }

 private:
  template <class Pair>
  static Spread pairs(const Spread& whole, const Spread& without, Pair pair) {
    Spread spread;
    for (std::size_t at = 0; at < std::min(whole.values.size(), without.values.size()); ++at)
      spread.values.push_back(pair(whole.values[at], without.values[at]));
    return spread;
  }
};

/// A configuration, and the same without each of its policies.
struct Ablation {
  std::string configuration{};
  AblationFigures whole{};
  std::vector<Contribution> contributions{};
  nlohmann::ordered_json environment{};
  std::vector<std::string> waiting{};  ///< the runs that are not over yet, by name
};

}  // namespace gradus::observe
