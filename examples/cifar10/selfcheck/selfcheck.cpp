// `gradus-cifar10 selfcheck`: every check of the chosen device, a short comparison, one file.
#include "../commands.hpp"
#include "../configuration.hpp"
#include "../load_data.hpp"
#include "../prepare.hpp"
#include "../run_folder.hpp"
#include "check.hpp"
#include <gradus/device/device.hpp>
#include <gradus/error.hpp>
#include <gradus/files/write_file.hpp>
#include <gradus/observe/comparison_json.hpp>
#include <gradus/observe/text.hpp>
#include <gradus/settings/dump.hpp>

#include <ATen/detail/CUDAHooksInterface.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <iostream>
#include <memory>
#include <string>

namespace cifar10 {

using namespace gradus;
namespace fs = std::filesystem;

namespace {

/// What the driver's own program says of the devices; empty where it is not there.
std::string driver_says() {
  const std::unique_ptr<FILE, int (*)(FILE*)> answer(
      ::popen("nvidia-smi --query-gpu=name,compute_cap,memory.total,driver_version,power.limit,"
              "clocks.max.sm --format=csv 2>/dev/null",
              "r"),
      ::pclose);
  std::string text;
  char part[256];
  while (answer != nullptr && std::fgets(part, sizeof part, answer.get()) != nullptr) text += part;
  return text;
}

/// Minutes on a small machine; on CUDA the shipped subset whole, at full width.
void choose_size(Options& options, c10::Device device) {
  if (options.sized) return;
  options.epochs = device.is_cuda() ? 2 : 1;
  options.width = device.is_cuda() ? 64 : 8;
  if (!device.is_cuda()) options.train_samples = 1024;
  if (!device.is_cuda()) options.test_samples = 500;
}

}  // namespace

void selfcheck(Options options) {
  // The checks of equal bits ask for determinism on CUDA, and cuBLAS reads this when it starts.
  ::setenv("CUBLAS_WORKSPACE_CONFIG", ":4096:8", /*overwrite=*/0);
  const auto list = compared_configurations();
  prepare(options, list);
  const auto device = device_from_name(options.device);
  choose_size(options, device);
  const auto folder = make_run_folder(options);
  auto data = load_data(options);
  take_first(options, data.sets);
  constexpr std::int64_t fewest = 160;
  if (data.sets.train.size() < fewest) {
    throw DataError("selfcheck trains on " + std::to_string(data.sets.train.size()) +
                    " images, but its checks take at least " + std::to_string(fewest) +
                    "; ask for more with --train-samples.");
  }
  for (const auto* configuration : list) configuration->check(options, data.sets.train.size());

  const auto say = [&](const std::string& line) {
    if (!options.quiet) std::cerr << line << '\n';
  };
  const auto findings = checks::run_checks(checks::all_checks(), {options, device, data.sets}, say);
  say("compare ...");
  auto silent = options;
  silent.quiet = true;
  observe::Comparison comparison;
  comparison.environment = environment(options, data);
  for (const auto* configuration : list) {
    comparison.runs.push_back(configuration->train(
        silent, data.sets, folder / configuration->name(), {.comparison = comparison, .page = {}}));
  }

  auto result = checks::to_json(findings);
  result["device"] = device.str();
  if (!device.is_cuda()) {
    result["not_run_why"] = "no CUDA device was chosen, so only the processor's part was checked";
  }
  result["environment"] = comparison.environment;
  result["driver"] = driver_says();
  result["libraries"] = device.is_cuda() ? at::detail::getCUDAHooks().showConfig() : "";
  result["comparison"] = nlohmann::ordered_json::parse(observe::json_text(comparison));
  const auto file = folder / "selfcheck.json";
  write_file(file, dump(result, 2) + "\n");

  std::cout << (options.json ? dump(result, 2) + "\n" : checks::table(findings)) << std::flush;
  for (const auto& run : comparison.runs) {
    if (const auto share = run.utilization(); share && !options.json) {
      std::cout << run.name << ": " << observe::percent(*share, 1)
                << " of the device's rate of matrix products\n";
    }
  }
  const auto where = fs::absolute(file).lexically_normal().string();
  if (!device.is_cuda()) say("CUDA was not checked: the device is the CPU.");
  say("To send back: " + where);
  checks::throw_if_failed(findings, where);
}

}  // namespace cifar10
