#include "ablation.hpp"

#include "ablation_types.hpp"
#include "commands.hpp"
#include "configurations.hpp"
#include "load_data.hpp"
#include "prepare.hpp"
#include "run_folder.hpp"
#include <gradus/core/dump.hpp>
#include <gradus/core/write_file.hpp>

#include <cmath>
#include <iomanip>
#include <iostream>
#include <sstream>

namespace cifar10 {

namespace fs = std::filesystem;

const std::vector<LeftOut>& left_out_of_unoptimized() {
  static const auto all = left_out_of(ablate<Unoptimized>(), "unoptimized");
  return all;
}

const std::vector<LeftOut>& leave_one_out(std::string_view name) {
  static_cast<void>(configuration(name));  // refuses an unknown name
  if (name == "optimized") return left_out_of_optimized();
  return name == "fastest" ? left_out_of_fastest() : left_out_of_unoptimized();
}

namespace {

/// One figure over several seeds.
struct Spread {
  double mean = 0;
  double deviation = 0;  ///< of one run, with n - 1; 0 for a single one
};

Spread spread_of(const std::vector<double>& values) {
  Spread spread;
  const auto count = static_cast<double>(values.size());
  for (const double value : values) spread.mean += value / count;
  for (const double value : values) {
    spread.deviation += (value - spread.mean) * (value - spread.mean);
  }
  spread.deviation = values.size() < 2 ? 0 : std::sqrt(spread.deviation / (count - 1));
  return spread;
}

/// What leaving a policy out did, seed by seed against the whole configuration.
struct Contribution {
  std::string axis;
  std::string policy;
  Spread accuracy;         ///< fraction
  Spread accuracy_gained;  ///< by having the policy, fraction
  Spread seconds;          ///< of training
  Spread time_ratio;       ///< without over with
};

struct Figures {
  std::vector<double> accuracy;
  std::vector<double> seconds;
};

Figures run_all(const Configuration& trained, Options options, const TrainingData& data,
                const fs::path& folder, const nlohmann::ordered_json& environment) {
  Figures figures;
  const auto first = options.seed;
  for (std::int64_t i = 0; i < options.seeds; ++i) {
    options.seed = first + static_cast<std::uint64_t>(i);
    const auto record = trained.train(
        options, data, folder / ("seed-" + std::to_string(options.seed)), environment);
    figures.accuracy.push_back(record.test_accuracy().value_or(0));
    figures.seconds.push_back(record.train_seconds());
  }
  return figures;
}

Contribution contribution(const LeftOut& left, const Figures& whole, const Figures& without) {
  std::vector<double> gained;
  std::vector<double> ratios;
  for (std::size_t i = 0; i < whole.accuracy.size(); ++i) {
    gained.push_back(whole.accuracy[i] - without.accuracy[i]);
    ratios.push_back(without.seconds[i] / whole.seconds[i]);
  }
  return {left.axis,
          left.policy,
          spread_of(without.accuracy),
          spread_of(gained),
          spread_of(without.seconds),
          spread_of(ratios)};
}

std::string cell(const Spread& spread, double scale, int digits, bool signs, bool several) {
  std::ostringstream text;
  text << std::fixed << std::setprecision(digits) << (signs ? std::showpos : std::noshowpos)
       << spread.mean * scale << std::noshowpos;
  if (several) text << " ± " << spread.deviation * scale;
  return text.str();
}

std::string table(const std::string& name, const Figures& whole,
                  const std::vector<Contribution>& contributions) {
  const bool several = whole.accuracy.size() > 1;
  std::ostringstream text;
  text << "| left out of " << name << " | test accuracy, % | it contributes, points | training, s "
       << "| time without it, ratio |\n|---|---:|---:|---:|---:|\n| nothing | "
       << cell(spread_of(whole.accuracy), 100, 2, false, several) << " | | "
       << cell(spread_of(whole.seconds), 1, 1, false, several) << " | 1 |\n";
  for (const auto& c : contributions) {
    text << "| " << c.policy << " (" << c.axis << ") | " << cell(c.accuracy, 100, 2, false, several)
         << " | " << cell(c.accuracy_gained, 100, 2, true, several) << " | "
         << cell(c.seconds, 1, 1, false, several) << " | "
         << cell(c.time_ratio, 1, 2, false, several) << " |\n";
  }
  return text.str();
}

nlohmann::ordered_json to_json(const Spread& spread) {
  return {{"mean", spread.mean}, {"deviation", spread.deviation}};
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

  const auto recorded = environment(options, data);
  const auto all = run_all(whole, options, data.sets, folder / name, recorded);
  std::vector<Contribution> contributions;
  auto list = nlohmann::ordered_json::array();
  for (const auto& left : others) {
    const auto figures = run_all(*left.configuration, options, data.sets,
                                 folder / ("without-" + left.policy), recorded);
    const auto& c = contributions.emplace_back(contribution(left, all, figures));
    list.push_back({{"axis", c.axis},
                    {"policy", c.policy},
                    {"test_accuracy", to_json(c.accuracy)},
                    {"accuracy_contributed", to_json(c.accuracy_gained)},
                    {"train_seconds", to_json(c.seconds)},
                    {"time_ratio", to_json(c.time_ratio)}});
  }
  const nlohmann::ordered_json result{{"configuration", name},
                                      {"seeds", options.seeds},
                                      {"test_accuracy", to_json(spread_of(all.accuracy))},
                                      {"train_seconds", to_json(spread_of(all.seconds))},
                                      {"left_out", list},
                                      {"environment", recorded}};
  write_file(folder / "ablation.json", dump(result, 2) + "\n");
  write_file(folder / "ablation.md", table(name, all, contributions));
  std::cout << (options.json ? dump(result, 2) + "\n" : table(name, all, contributions))
            << std::flush;
}

}  // namespace cifar10
