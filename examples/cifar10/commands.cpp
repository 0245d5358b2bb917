#include "commands.hpp"

#include "configuration.hpp"
#include "demo.hpp"
#include "gradus_build_info.hpp"
#include "load_data.hpp"
#include "prepare.hpp"
#include "processes.hpp"
#include "run_folder.hpp"
#include "stopping.hpp"
#include <gradus/core/stop_request.hpp>
#include <gradus/device/device.hpp>
#include <gradus/error.hpp>
#include <gradus/files/write_file.hpp>
#include <gradus/observe/comparison.hpp>
#include <gradus/observe/comparison_json.hpp>
#include <gradus/observe/report.hpp>
#include <gradus/observe/table.hpp>
#include <gradus/settings/dump.hpp>
#include <gradus/version.hpp>

#include <ATen/Parallel.h>
#include <torch/version.h>

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <iostream>
#include <string>
#include <thread>
#include <vector>

namespace cifar10 {

using namespace gradus;
namespace fs = std::filesystem;

namespace {

constexpr double demo_budget_seconds = 360;

/// What a command gives, by one of the processes that have made it.
void give(const Options& options, const observe::Comparison& comparison) {
  if (options.rank > 0) return;
  std::cout << (options.json ? observe::json_text(comparison)
                             : observe::table(comparison, observe::Terminal::standard_output()))
            << std::flush;
}

void say(const Options& options, const std::string& line) {
  if (!options.quiet) std::cerr << line << '\n';
}

std::vector<const Configuration*> chosen(const Options& options) {
  if (options.configurations.empty()) return configurations();
  std::vector<const Configuration*> list;
  for (const auto& name : options.configurations) {
    list.push_back(&configuration(name));
    if (std::count(list.begin(), list.end(), list.back()) > 1) {
      throw UsageError("configuration '" + name + "' is named twice; name it once.");
    }
  }
  return list;
}

void reduce_for_demo(Options& options, const std::vector<const Configuration*>& list,
                     const LoadedData& data) {
  say(options, "Measuring how fast this machine is ...");
  const auto rate = [&](std::int64_t width) {
    auto trial = options;
    trial.width = width;
    constexpr std::int64_t steps = 50;
    return configuration("unoptimized").measure(trial, data.sets, steps);
  };
  const auto samples = data.sets.train.size();
  std::vector<ConfiguredBatch> batches;
  for (const auto* compared : list) {
    batches.push_back({std::string(compared->name()),
                       compared->describe(options)["policies"]["loading"]["batch_size"]});
  }
  apply(reduce(rate, samples, demo_budget_seconds), samples, batches, options);
  if (options.notes.empty()) return;
  options.notes.push_back("The full run: " + options.program + " compare");
  for (const auto& note : options.notes) say(options, note);
}

}  // namespace

nlohmann::ordered_json environment(const Options& options, const LoadedData& data) {
  return {{"gradus", std::string(version)},
          {"libtorch", TORCH_VERSION},
          {"commit", gradus_build_info::commit},
          {"compiler", gradus_build_info::compiler},
          {"flags", gradus_build_info::flags},
          {"processor", processor_name()},
          {"cores", std::thread::hardware_concurrency()},
          {"threads", at::get_num_threads()},
          {"processes", options.processes},
          {"native_bfloat16", has_native_bfloat16(device_from_name(options.device))},
          {"device", device_from_name(options.device).str()},
          {"seed", options.seed},
          {"data", data.where},
          {"data_md5", data.checksum},
          {"command", options.command}};
}

namespace {

void compare_joined(Options options, const std::vector<const Configuration*>& list) {
  prepare(options, list);
  const auto folder = options.rank > 0 ? fs::path() : make_run_folder(options.out);
  auto data = load_data(options);
  if (options.demo) reduce_for_demo(options, list, data);
  take_first(options, data.sets);
  for (const auto* configuration : list) configuration->check(options, data.sets.train.size());

  observe::Comparison comparison;
  comparison.environment = environment(options, data);
  if (options.seeds > 1) comparison.environment["seeds"] = options.seeds;
  comparison.notes = options.notes;
  // A seed after the other, so that a machine that grows slower meets all alike.
  struct Run {
    const Configuration* configuration;
    std::uint64_t seed;
  };
  std::vector<Run> runs;
  for (std::uint64_t i = 0; i < static_cast<std::uint64_t>(options.seeds); ++i) {
    for (const auto* configuration : list) runs.push_back({configuration, options.seed + i});
  }
  const bool several = options.seeds > 1;
  for (const auto& [configuration, seed] : runs) {
    comparison.waiting.push_back(std::string(configuration->name()) +
                                 (several ? ", seed " + std::to_string(seed) : ""));
  }
  const auto page = folder / "report.html";
  for (const auto& [configuration, seed] : runs) {
    comparison.waiting.erase(comparison.waiting.begin());
    options.seed = seed;
    auto run_folder = folder / configuration->name();
    if (several) run_folder /= "seed-" + std::to_string(seed);
    comparison.runs.push_back(configuration->train(options, data.sets, run_folder,
                                                   {.comparison = comparison, .page = page}));
    if (options.rank > 0) continue;
    write_file(folder / "comparison.json", observe::json_text(comparison));
    write_file(folder / "comparison.md", observe::markdown_table(comparison));
    write_file(page, observe::report_html(comparison));
  }
  give(options, comparison);
  say(options, "Report: " + fs::absolute(page).lexically_normal().string());
}

void train_joined(Options options, const Configuration& trained) {
  options.durable = true;
  prepare(options, {&trained});
  fs::path folder = options.out;  // which the first process alone has
  if (options.rank == 0) {
    folder = options.resume ? run_folder_to_resume(options.out, trained.name())
                            : make_run_folder(options.out);
  }
  options.out = folder.string();
  auto data = load_data(options);
  take_first(options, data.sets);
  trained.check(options, data.sets.train.size());
  static const StopSignals signals(stop_request());  // until the process has said how it ended
  if (options.is_started) hear_of_signals();

  observe::Comparison comparison;
  comparison.environment = environment(options, data);
  comparison.runs.push_back(
      trained.train(options, data.sets, folder / trained.name(),
                    {.comparison = comparison, .page = folder / "report.html"}));
  give(options, comparison);
  say(options, "Weights: " + (folder / trained.name() / RunFiles::weights).string());
}

}  // namespace

void compare(Options options) {
  const auto list = chosen(options);
  among_processes(options, [&] { compare_joined(options, list); });
}

void train(Options options) {
  const auto& trained = configuration(options.configurations.at(0));
  among_processes(options, [&] { train_joined(options, trained); });
}

void describe(Options options) {
  const auto& described = configuration(options.configurations.at(0));
  prepare(options, {&described});
  std::cout << dump(described.describe(options), 2) << '\n';
}

}  // namespace cifar10
