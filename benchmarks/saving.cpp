/// What does saving a run cost? The state of `Optimized` at width 64 after two steps, saved again
/// and again: how long the training thread is blocked (the copy of the state), how long the save
/// takes beside it (checks, checksums, writing, fsync), and what part of that the checksums are.
#include "configurations.hpp"
#include <gradus/checkpoint/checkpoints.hpp>
#include <gradus/checkpoint/finite_check.hpp>
#include <gradus/data/image_dataset.hpp>
#include <gradus/files/crc32c.hpp>
#include <gradus/files/write_file.hpp>
#include <gradus/model/resnet10.hpp>
#include <gradus/settings/dump.hpp>
#include <gradus/train/trainer.hpp>

#include <nlohmann/json.hpp>

#include <chrono>
#include <filesystem>
#include <iostream>
#include <string>
#include <utility>
#include <vector>

using namespace gradus;

namespace {

template <class Body>
double seconds_of(Body&& body) {
  const auto begin = std::chrono::steady_clock::now();
  body();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
}

data::ImageDataset noise(std::int64_t count) {
  return {torch::randint(0, 256, {count, 3, 32, 32}, torch::kByte),
          torch::randint(0, 10, {count}, torch::kLong),
          {.mean = {0.5F, 0.5F, 0.5F}, .deviation = {0.25F, 0.25F, 0.25F}}};
}

nlohmann::ordered_json measure(const std::filesystem::path& folder, int rounds) {
  cifar10::Optimized::policies_type policies;
  policies.at<slot::loading>().batch_size = 32;
  cifar10::Optimized trainer(ResNet10(ResNet10Options{}), {.epochs = 1}, policies);
  trainer.fit(noise(128));
  CheckpointPlan plan;
  CheckpointFolder checkpoints(folder);
  const GrownFiles files(plan.files);
  FiniteCheck finite(*trainer.model());
  BackgroundSaver saver(checkpoints, plan, files, finite);
  std::vector<double> stall, save, checksums;
  std::uintmax_t bytes = 0;
  for (int round = 0; round < rounds + 2; ++round) {
    RunFile run{nlohmann::ordered_json{{"format", 1}}, {}};
    const auto copy = seconds_of([&] { run.state = trainer.save_state(saver.spare()); });
    std::vector<at::Tensor> values;
    for (const auto& entry : run.state.entries()) values.push_back(entry.tensor.cpu().contiguous());
    std::uint32_t sum = 0;  // of all, so that none is left out
    const auto sums = seconds_of([&] {
      for (const auto& plain : values) {
        sum = crc32c({static_cast<const char*>(plain.const_data_ptr()), plain.nbytes()}, sum);
      }
    });
    run.manifest["sum"] = sum;
    const auto whole = seconds_of([&] {
      saver.begin(std::move(run), round, std::nullopt);
      saver.finish();
    });
    bytes = std::filesystem::file_size(checkpoints.file_of(round));
    if (round < 2) continue;  // the first states take new memory
    stall.push_back(copy / whole);
    save.push_back(whole);
    checksums.push_back(sums / whole);
  }
  return {{"bytes", bytes},
          {"save_seconds", save},
          {"stall_of_save", stall},
          {"checksums_of_save", checksums}};
}

}  // namespace

/// saving RESULT.json FOLDER [ROUNDS]: FOLDER is on the disk to be measured.
int main(int argc, char** argv) {
  if (argc < 3) {
    std::cerr << "usage: benchmark_saving RESULT.json FOLDER [ROUNDS]\n";
    return 2;
  }
  at::set_num_threads(2);
  write_file(argv[1], dump(measure(argv[2], argc > 3 ? std::stoi(argv[3]) : 15), 2) + "\n");
}
