#include "ablation.hpp"

#include "ablation/left_out_of.hpp"
#include "commands.hpp"
#include "load_data.hpp"
#include "prepare.hpp"
#include "run_folder.hpp"
#include <gradus/files/write_file.hpp>
#include <gradus/observe/ablation.hpp>
#include <gradus/observe/ablation_report.hpp>
#include <gradus/observe/comparison_json.hpp>
#include <gradus/observe/spread.hpp>
#include <gradus/settings/dump.hpp>

#include <cstdint>
#include <iomanip>
#include <iostream>
#include <sstream>
#include <string>
#include <vector>

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

std::string cell(const observe::Spread& spread, double scale, int digits, bool signs = false) {
  if (spread.values.empty()) return "–";
  std::ostringstream text;
  text << std::fixed << std::setprecision(digits) << (signs ? std::showpos : std::noshowpos)
       << spread.mean() * scale << std::noshowpos;
  if (spread.values.size() > 1) text << " ± " << spread.deviation() * scale;
  return text.str();
}

std::string table(const observe::Ablation& ablation) {
  const auto& whole = ablation.whole;
  std::ostringstream text;
  text << "| left out of " << ablation.configuration
       << " | test accuracy, % | it contributes, points | training, s "
       << "| time without it, ratio |\n|---|---:|---:|---:|---:|\n| nothing | "
       << cell(whole.accuracy, 100, 2) << " | | " << cell(whole.seconds, 1, 1) << " | 1 |\n";
  for (const auto& c : ablation.contributions) {
    text << "| " << c.policy << " (" << c.axis << ") | " << cell(c.without.accuracy, 100, 2)
         << " | " << cell(c.accuracy(whole), 100, 2, true) << " | " << cell(c.without.seconds, 1, 1)
         << " | " << cell(c.time_ratio(whole), 1, 2) << " |\n";
  }
  return text.str();
}

nlohmann::ordered_json to_json(const observe::Ablation& ablation) {
  const auto& whole = ablation.whole;
  auto list = nlohmann::ordered_json::array();
  for (const auto& c : ablation.contributions) {
    list.push_back({{"axis", c.axis},
                    {"policy", c.policy},
                    {"test_accuracy", observe::to_json(c.without.accuracy)},
                    {"accuracy_contributed", observe::to_json(c.accuracy(whole))},
                    {"train_seconds", observe::to_json(c.without.seconds)},
                    {"time_ratio", observe::to_json(c.time_ratio(whole))}});
  }
  return {{"configuration", ablation.configuration},
          {"test_accuracy", observe::to_json(whole.accuracy)},
          {"train_seconds", observe::to_json(whole.seconds)},
          {"left_out", list},
          {"environment", ablation.environment}};
}

}  // namespace

void ablate_configuration(Options options) {
  const auto& whole = configuration(options.configurations.at(0));
  const std::string name(whole.name());
  prepare(options, {&whole});
  const auto folder = make_run_folder(options);
  auto data = load_data(options);
  take_first(options, data.sets);
  const auto& others = leave_one_out(name);
  whole.check(options, data.sets.train.size());
  for (const auto& left : others) left.configuration->check(options, data.sets.train.size());

  observe::Ablation ablation{.configuration = name, .environment = environment(options, data)};
  for (const auto& left : others) {
    ablation.contributions.push_back({.axis = left.axis, .policy = left.policy});
  }
  // A seed after the other, so that a machine that grows slower meets all alike.
  struct Run {
    const Configuration* configuration;
    std::string folder;
    observe::AblationFigures* figures;
    std::uint64_t seed;
  };
  std::vector<Run> runs;
  for (std::uint64_t i = 0; i < static_cast<std::uint64_t>(options.seeds); ++i) {
    runs.push_back({&whole, name, &ablation.whole, options.seed + i});
    for (std::size_t k = 0; k < others.size(); ++k) {
      runs.push_back({others[k].configuration, "without-" + others[k].policy,
                      &ablation.contributions[k].without, options.seed + i});
    }
  }
  for (const auto& run : runs) {
    ablation.waiting.push_back(run.folder + ", seed " + std::to_string(run.seed));
  }
  const auto page = folder / "report.html";
  write_file(page, observe::ablation_html(ablation));
  const observe::Comparison alone{.environment = ablation.environment};
  for (const auto& run : runs) {
    options.seed = run.seed;
    run.figures->add(run.configuration->train(
        options, data.sets, folder / run.folder / ("seed-" + std::to_string(run.seed)),
        {.comparison = alone, .page = {}}));
    ablation.waiting.erase(ablation.waiting.begin());
    write_file(page, observe::ablation_html(ablation));
  }

  const auto result = to_json(ablation);
  write_file(folder / "ablation.json", dump(result, 2) + "\n");
  write_file(folder / "ablation.md", table(ablation));
  std::cout << (options.json ? dump(result, 2) + "\n" : table(ablation)) << std::flush;
  if (!options.quiet) {
    std::cerr << "Report: " << fs::absolute(page).lexically_normal().string() << '\n';
  }
}

}  // namespace cifar10
