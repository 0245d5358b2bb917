// Files for TensorBoard. What its own reader finds in them is for read_events.py, which the test
// `watch_tensorboard` runs where a Python has it.
#include "../train/toys.hpp"
#include "catch.hpp"
#include "folder.hpp"
#include <gradus/checkpoint/checkpoints.hpp>
#include <gradus/files/record_file.hpp>
#include <gradus/observe/tensorboard.hpp>
#include <gradus/train/trainer.hpp>

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <optional>
#include <string>
#include <vector>

using namespace gradus;
using gradus::test::Folder;
using gradus::test::text_of;
using observe::TensorBoard;

namespace {

using Run = Trainer<Perceptron, Preset<Plain{.batch_size = 4}>>;
const std::filesystem::path events = GRADUS_EVENTS;

RunSettings run_of(std::optional<std::int64_t> stop_after = {}) {
  return {.epochs = 3, .device = c10::kCPU, .log_every_steps = 2, .stop_after_steps = stop_after};
}

/// Two processes of one run: the first one is killed when it has gone on behind its checkpoint, and
/// has written half a record.
void train_in_two(const std::filesystem::path& folder) {
  const auto file = TensorBoard::path_in(folder);
  const CheckpointPlan plan{.files = {file}};
  const auto board_of = [&](Run& run) {
    return TensorBoard(folder, {.weights = run.parameters(), .configuration = "{\"lr\": 0.01}"});
  };
  {
    Run first(perceptron(), run_of(15));
    auto board = board_of(first);
    Checkpoints<Run> checkpoints(first, folder / "checkpoints", plan);
    first.fit(Points(32), Points(32), board, checkpoints);
    board.on(StepEnd{.epoch = 2, .step = 16, .train_loss = 9.0, .warning = {}});
  }
  std::ofstream(file, std::ios::app | std::ios::binary) << text_of(file).substr(0, 50);
  Run second(perceptron(), run_of());
  auto board = board_of(second);
  Checkpoints<Run> checkpoints(second, folder / "checkpoints", plan);
  CATCH_REQUIRE(checkpoints.resume(Points(32), Points(32)));
  second.fit(Points(32), Points(32), board, checkpoints);
}

}  // namespace

CATCH_TEST_CASE("TensorBoard's file has each step once, also of a run that was resumed") {
  std::filesystem::remove_all(events);
  Run whole(perceptron(), run_of());
  TensorBoard board(events / "whole",
                    {.weights = whole.parameters(), .configuration = "{\"lr\": 0.01}"});
  whole.fit(Points(32), Points(32), board);
  train_in_two(events / "resumed");
  CATCH_CHECK(std::filesystem::file_size(TensorBoard::path_in(events / "resumed")) > 1000);
  std::filesystem::remove_all(events / "resumed" / "checkpoints");
}

CATCH_TEST_CASE("records that are cut off anywhere, or damaged, are cut off before others follow") {
  const Folder folder;
  const auto path = folder / "records";
  std::vector<std::uintmax_t> ends{0};
  {
    RecordFile file(path);
    CATCH_CHECK(file.is_empty());
    for (const std::string& text : {std::string(), std::string("one"), std::string(300, 'x')}) {
      file.append(text);
      ends.push_back(std::filesystem::file_size(path));
    }
  }
  const auto all = text_of(path);
  for (std::size_t length = 0; length <= all.size(); ++length) {
    std::ofstream(path, std::ios::binary) << all.substr(0, length);
    const auto whole = *(std::ranges::upper_bound(ends, length) - 1);
    CATCH_CHECK(RecordFile::whole_length(path) == whole);
    RecordFile file(path);
    CATCH_CHECK(file.is_empty() == (whole == 0));
    file.append("next");
    CATCH_CHECK(text_of(path).substr(0, whole) == all.substr(0, whole));
    CATCH_CHECK(RecordFile::whole_length(path) == whole + 20);
  }
  for (std::size_t place = 0; place < all.size(); ++place) {
    auto damaged = all;
    damaged[place] ^= 4;
    std::ofstream(path, std::ios::binary) << damaged;
    CATCH_CHECK(RecordFile::whole_length(path) == *(std::ranges::upper_bound(ends, place) - 1));
  }
  CATCH_CHECK_THROWS_AS(TensorBoard("/proc/none"), ResourceError);
}
