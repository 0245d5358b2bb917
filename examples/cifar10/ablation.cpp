#include "ablation.hpp"

#include "ablation/left_out_of.hpp"
#include "commands.hpp"
#include "load_data.hpp"
#include "prepare.hpp"
#include "run_folder.hpp"
#include <gradus/files/write_file.hpp>
#include <gradus/settings/dump.hpp>

#include <cmath>
#include <cstdint>
#include <iomanip>
#include <iostream>
#include <sstream>

namespace cifar10 {

using namespace gradus;
namespace fs = std::filesystem;

const std::vector<LeftOut>& leave_one_out(std::string_view name) {
  static_cast<void>(configuration(name));  // refuses an unknown name
  if (name == "record") {
    throw UsageError(
        "ablate knows the configurations of the comparison: unoptimized, optimized and fastest.");
  }
  if (name == "optimized") return left_out_of_optimized();
  return name == "fastest" ? left_out_of_fastest() : left_out_of_unoptimized();
}

namespace {

/// One figure, a value per seed.
struct Spread {
  std::vector<double> values;

  [[nodiscard]] double mean() const {
    double sum = 0;
    for (const double value : values) sum += value;
    return sum / static_cast<double>(values.size());
  }
  /// Of one value, with n - 1; 0 for a single one.
  [[nodiscard]] double deviation() const {
    if (values.size() < 2) return 0;
    double squares = 0;
    for (const double value : values) squares += (value - mean()) * (value - mean());
    return std::sqrt(squares / static_cast<double>(values.size() - 1));
  }
};

struct Figures {
  Spread accuracy;  ///< fraction
  Spread seconds;   ///< of training

  void add(const observe::RunRecord& record) {
    accuracy.values.push_back(record.test_accuracy().value_or(0));
    seconds.values.push_back(record.train_seconds());
  }
};

/// What leaving a policy out did, seed by seed against the whole configuration.
struct Contribution {
  const LeftOut* left;
  Figures without;

  /// By having the policy, fraction.
  [[nodiscard]] Spread accuracy(const Figures& whole) const {
    Spread gained;
    for (std::size_t i = 0; i < whole.accuracy.values.size(); ++i) {
      gained.values.push_back(whole.accuracy.values[i] - without.accuracy.values[i]);
    }
    return gained;
  }
  /// Without it over with it.
  [[nodiscard]] Spread time_ratio(const Figures& whole) const {
    Spread ratio;
    for (std::size_t i = 0; i < whole.seconds.values.size(); ++i) {
      ratio.values.push_back(without.seconds.values[i] / whole.seconds.values[i]);
    }
    return ratio;
  }
};

std::string cell(const Spread& spread, double scale, int digits, bool signs = false) {
  std::ostringstream text;
  text << std::fixed << std::setprecision(digits) << (signs ? std::showpos : std::noshowpos)
       << spread.mean() * scale << std::noshowpos;
  if (spread.values.size() > 1) text << " ± " << spread.deviation() * scale;
  return text.str();
}

std::string table(const std::string& name, const Figures& whole,
                  const std::vector<Contribution>& contributions) {
  std::ostringstream text;
  text << "| left out of " << name << " | test accuracy, % | it contributes, points | training, s "
       << "| time without it, ratio |\n|---|---:|---:|---:|---:|\n| nothing | "
       << cell(whole.accuracy, 100, 2) << " | | " << cell(whole.seconds, 1, 1) << " | 1 |\n";
  for (const auto& c : contributions) {
    text << "| " << c.left->policy << " (" << c.left->axis << ") | "
         << cell(c.without.accuracy, 100, 2) << " | " << cell(c.accuracy(whole), 100, 2, true)
         << " | " << cell(c.without.seconds, 1, 1) << " | " << cell(c.time_ratio(whole), 1, 2)
         << " |\n";
  }
  return text.str();
}

nlohmann::ordered_json to_json(const Spread& spread) {
  return {{"mean", spread.mean()}, {"deviation", spread.deviation()}, {"values", spread.values}};
}

nlohmann::ordered_json to_json(const std::string& name, const Figures& whole,
                               const std::vector<Contribution>& contributions) {
  auto list = nlohmann::ordered_json::array();
  for (const auto& c : contributions) {
    list.push_back({{"axis", c.left->axis},
                    {"policy", c.left->policy},
                    {"test_accuracy", to_json(c.without.accuracy)},
                    {"accuracy_contributed", to_json(c.accuracy(whole))},
                    {"train_seconds", to_json(c.without.seconds)},
                    {"time_ratio", to_json(c.time_ratio(whole))}});
  }
  return {{"configuration", name},
          {"test_accuracy", to_json(whole.accuracy)},
          {"train_seconds", to_json(whole.seconds)},
          {"left_out", list}};
}

}  // namespace

void ablate_configuration(Options options) {
  const auto& whole = configuration(options.configurations.at(0));
  const std::string name(whole.name());
  prepare(options, {&whole});
  const auto folder = make_run_folder(options.out);
  auto data = load_data(options);
  take_first(options, data.sets);
  const auto& others = leave_one_out(name);
  whole.check(options, data.sets.train.size());
  for (const auto& left : others) left.configuration->check(options, data.sets.train.size());

  // A seed after the other, so that a machine that grows slower meets all alike.
  Figures all;
  std::vector<Contribution> contributions;
  for (const auto& left : others) contributions.push_back({&left, {}});
  const auto recorded = environment(options, data);
  for (std::int64_t i = 0; i < options.seeds; ++i, ++options.seed) {
    const auto run = [&](const Configuration& trained, const std::string& into) {
      const auto seed = "seed-" + std::to_string(options.seed);
      return trained.train(options, data.sets, folder / into / seed, recorded);
    };
    all.add(run(whole, name));
    for (auto& [left, without] : contributions) {
      without.add(run(*left->configuration, "without-" + left->policy));
    }
  }

  auto result = to_json(name, all, contributions);
  result["environment"] = recorded;
  write_file(folder / "ablation.json", dump(result, 2) + "\n");
  write_file(folder / "ablation.md", table(name, all, contributions));
  std::cout << (options.json ? dump(result, 2) + "\n" : table(name, all, contributions))
            << std::flush;
}

}  // namespace cifar10
