#include "commands.hpp"

#include "configuration.hpp"
#include "demo.hpp"
#include "gradus_build_info.hpp"
#include <gradus/core/device.hpp>
#include <gradus/core/error.hpp>
#include <gradus/core/write_file.hpp>
#include <gradus/data/cifar10.hpp>
#include <gradus/data/cifar10_source.hpp>
#include <gradus/observe/comparison.hpp>
#include <gradus/observe/comparison_json.hpp>
#include <gradus/observe/report.hpp>
#include <gradus/observe/table.hpp>
#include <gradus/version.hpp>

#include <ATen/Parallel.h>
#include <torch/version.h>

#include <algorithm>
#include <ctime>
#include <filesystem>
#include <iostream>
#include <thread>

namespace cifar10 {

using namespace gradus;
namespace fs = std::filesystem;

namespace {

constexpr double demo_budget_seconds = 360;

void say(const Options& options, const std::string& line) {
  if (!options.quiet) std::cerr << line << '\n';
}

/// Refused before anything is read or built.
void check(const Options& options) {
  const auto at_least_one = [](const char* flag, std::int64_t value) {
    if (value >= 1) return;
    throw ConfigurationError(std::string(flag) + " is " + std::to_string(value) +
                             ", but it takes a whole number of at least 1.");
  };
  at_least_one("--epochs", options.epochs);
  at_least_one("--width", options.width);
  at_least_one("--train-samples", options.train_samples.value_or(1));
  at_least_one("--test-samples", options.test_samples.value_or(1));
  at_least_one("--threads", options.threads.value_or(1));
  at_least_one("--stop-after-steps", options.stop_after_steps.value_or(1));
  static_cast<void>(device_from_name(options.device));
}

struct LoadedData {
  TrainingData sets;
  std::string where;
  std::string checksum;
};

data::ImageDataset first(const data::ImageDataset& set, std::optional<std::int64_t> count,
                         const char* flag) {
  if (!count) return set;
  if (*count > set.size()) {
    throw DataError(std::string(flag) + " is " + std::to_string(*count) +
                    ", but the data has only " + std::to_string(set.size()) +
                    " such images; ask for fewer.");
  }
  return set.take(*count);
}

LoadedData load(const Options& options) {
  data::Cifar10Search search;
  search.folder = options.data ? std::optional<fs::path>(*options.data) : std::nullopt;
  search.shipped_subset = GRADUS_CIFAR10_SUBSET;
  search.announce = [&](const std::string& line) { say(options, line); };
  search.network = options.offline ? data::Network::off : data::Network::allowed;
  const auto source = data::find_cifar10(search);
  say(options, source.sentence);
  auto cifar10 = data::read_cifar10(
      source.folder, options.verify ? data::Verify::checksums : data::Verify::structure);
  return {{cifar10.train, cifar10.test}, source.sentence, data::checksum(cifar10)};
}

void use_threads(const Options& options) {
  if (options.threads) at::set_num_threads(static_cast<int>(*options.threads));
}

nlohmann::ordered_json environment(const Options& options, const LoadedData& data) {
  return {{"gradus", std::string(version)},
          {"libtorch", TORCH_VERSION},
          {"commit", gradus_build_info::commit},
          {"compiler", gradus_build_info::compiler},
          {"flags", gradus_build_info::flags},
          {"processor", processor_name()},
          {"cores", std::thread::hardware_concurrency()},
          {"threads", at::get_num_threads()},
          {"native_bfloat16", has_native_bfloat16(device_from_name(options.device))},
          {"device", device_from_name(options.device).str()},
          {"seed", options.seed},
          {"data", data.where},
          {"data_md5", data.checksum},
          {"command", options.command}};
}

/// Makes the folder for this run's results. Throws ConfigurationError if it holds something
/// already.
fs::path make_run_folder(const Options& options) {
  fs::path folder = options.out;
  if (options.out.empty()) {
    const auto now = std::time(nullptr);
    std::tm local{};
    localtime_r(&now, &local);
    std::string stamp(32, '\0');
    stamp.resize(std::strftime(stamp.data(), stamp.size(), "%Y-%m-%d-%H%M%S", &local));
    folder = fs::path("runs") / stamp;
  }
  std::error_code error;
  if (fs::exists(folder, error) &&
      !(fs::is_directory(folder, error) && fs::is_empty(folder, error))) {
    throw ConfigurationError(
        "--out '" + folder.string() +
        "' holds something already; name a new folder, nothing is overwritten.");
  }
  fs::create_directories(folder, error);
  if (error) {
    throw ResourceError("the output folder '" + folder.string() + "' cannot be made (" +
                        error.message() + "); name one that can be written with --out.");
  }
  return folder;
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

/// Refuses settings that address a configuration which does not exist, and wrong numbers, before
/// the first run begins.
void check_settings(const Options& options, const std::vector<const Configuration*>& list) {
  for (const auto& setting : options.settings) {
    if (!setting.configuration.empty()) static_cast<void>(configuration(setting.configuration));
  }
  for (const auto* configuration : list) static_cast<void>(configuration->describe(options));
}

void reduce_for_demo(Options& options, const LoadedData& data) {
  say(options, "Measuring how fast this machine is ...");
  const auto rate = [&](std::int64_t width) {
    auto trial = options;
    trial.width = width;
    constexpr std::int64_t steps = 50;
    return configuration("unoptimized").measure(trial, data.sets, steps);
  };
  const auto samples = data.sets.train.size();
  apply(reduce(rate, samples, demo_budget_seconds), samples, demo_budget_seconds, options);
  if (options.notes.empty()) return;
  const auto program = options.command.substr(0, options.command.find(' '));
  options.notes.push_back("The full run: " + program + " compare");
  for (const auto& note : options.notes) say(options, note);
}

}  // namespace

void compare(Options options) {
  check(options);
  use_threads(options);
  const auto list = chosen(options);
  check_settings(options, list);
  const auto folder = make_run_folder(options);
  auto data = load(options);
  if (options.demo) reduce_for_demo(options, data);
  data.sets.train = first(data.sets.train, options.train_samples, "--train-samples");
  data.sets.test = first(data.sets.test, options.test_samples, "--test-samples");

  for (const auto* configuration : list) configuration->check(options, data.sets.train.size());

  observe::Comparison comparison;
  comparison.environment = environment(options, data);
  comparison.notes = options.notes;
  for (const auto* configuration : list) {
    comparison.runs.push_back(configuration->train(
        options, data.sets, folder / configuration->name(), comparison.environment));
    write_file(folder / "comparison.json", observe::json_text(comparison));
    write_file(folder / "comparison.md", observe::markdown_table(comparison));
    write_file(folder / "report.html", observe::report_html(comparison));
  }
  std::cout << (options.json ? observe::json_text(comparison)
                             : observe::table(comparison, observe::Terminal::standard_output()))
            << std::flush;
  say(options, "Report: " + fs::absolute(folder / "report.html").lexically_normal().string());
}

void train(Options options) {
  check(options);
  use_threads(options);
  const auto& trained = configuration(options.configurations.at(0));
  check_settings(options, {&trained});
  const auto folder = make_run_folder(options);
  auto data = load(options);
  data.sets.train = first(data.sets.train, options.train_samples, "--train-samples");
  data.sets.test = first(data.sets.test, options.test_samples, "--test-samples");

  trained.check(options, data.sets.train.size());

  observe::Comparison comparison;
  comparison.environment = environment(options, data);
  comparison.runs.push_back(
      trained.train(options, data.sets, folder / trained.name(), comparison.environment));
  std::cout << (options.json ? observe::json_text(comparison)
                             : observe::table(comparison, observe::Terminal::standard_output()))
            << std::flush;
  say(options,
      "Weights: " + (folder / trained.name() / "checkpoints" / "final.safetensors").string());
}

void evaluate(Options options) {
  check(options);
  use_threads(options);
  const auto weights = read_safetensors(options.checkpoint);
  const auto entry = weights.metadata.find("configuration");
  const auto made = entry == weights.metadata.end()
                        ? nlohmann::json()
                        : nlohmann::json::parse(entry->second, nullptr, false);
  if (!made.is_object() || !made.contains("name") || !made["name"].is_string() ||
      !made.contains("/run/width"_json_pointer)) {
    throw CheckpointError("checkpoint '" + options.checkpoint.string() +
                          "' does not say which configuration it came from; evaluate one that "
                          "gradus-cifar10 wrote.");
  }
  const auto& trained = configuration(made["name"].get<std::string>());
  options.width = made["/run/width"_json_pointer].get<std::int64_t>();
  auto data = load(options);
  const auto test = first(data.sets.test, options.test_samples, "--test-samples");
  const auto result = trained.evaluate(options, weights, test);
  const nlohmann::ordered_json json{{"checkpoint", options.checkpoint.string()},
                                    {"name", trained.name()},
                                    {"width", options.width},
                                    {"test_samples", result.samples},
                                    {"test_accuracy", result.accuracy()},
                                    {"test_loss", result.loss}};
  if (options.json) {
    std::cout << json.dump(2) << '\n';
  } else {
    std::cout << trained.name() << ": " << 100 * result.accuracy() << " % of " << result.samples
              << " test images\n";
  }
}

void describe(const Options& options) {
  check(options);
  const auto& described = configuration(options.configurations.at(0));
  check_settings(options, {&described});
  std::cout << described.describe(options).dump(2) << '\n';
}

}  // namespace cifar10
