// Files for TensorBoard. What its own reader finds in them is for read_events.py, which the test
// `watch_tensorboard` runs where a Python has it.
#include "../train/toys.hpp"
#include "catch.hpp"
#include "folder.hpp"
#include <gradus/checkpoint/checkpoints.hpp>
#include <gradus/data/image_dataset.hpp>
#include <gradus/files/png.hpp>
#include <gradus/files/record_file.hpp>
#include <gradus/observe/tensorboard.hpp>
#include <gradus/observe/wrong_images.hpp>
#include <gradus/train/trainer.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
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

observe::TensorBoardPlan plan_of(const Run& run) {
  return {.weights = run.parameters(), .gradients_every = 5, .configuration = "{\"lr\": 0.01}"};
}

/// Pixel [n, c, y, x] is (100 n + 50 c + 7 y + x) mod 256, which read_events.py knows too.
at::Tensor images_of(std::int64_t count, std::int64_t channels, std::int64_t height,
                     std::int64_t width) {
  const auto along = [](std::int64_t size, std::int64_t factor) {
    return torch::arange(size, torch::kLong) * factor;
  };
  const auto sum = along(count, 100).reshape({-1, 1, 1, 1}) +
                   along(channels, 50).reshape({-1, 1, 1}) + along(height, 7).reshape({-1, 1}) +
                   along(width, 1);
  return sum.remainder(256).to(torch::kByte);
}

/// Images of which `Always` gets all but class 1 wrong.
data::ImageDataset labelled(const std::vector<std::int64_t>& labels) {
  const auto count = static_cast<std::int64_t>(labels.size());
  return {images_of(count, 3, 4, 5).contiguous(),
          torch::tensor(labels),
          {.mean = {0.5F, 0.5F, 0.5F}, .deviation = {1, 1, 1}}};
}

/// Predicts class 1, then 0, then 2.
struct Always {
  template <class Set>
  at::Tensor predict(const Set& set) const {
    return torch::tensor({1.0F, 2.0F, -1.0F}).repeat({set.size(), 1});
  }
};

/// Two processes of one run: the first one is killed when it has gone on behind its checkpoint, and
/// has written half a record.
void train_in_two(const std::filesystem::path& folder) {
  const auto file = TensorBoard::path_in(folder);
  const CheckpointPlan plan{.files = {file}};
  const auto board_of = [&](Run& run) { return TensorBoard(folder, plan_of(run)); };
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
  TensorBoard board(events / "whole", plan_of(whole));
  whole.fit(Points(32), Points(32), board);
  board.add_images("images/coloured", images_of(2, 3, 5, 7));
  board.add_images("images/grey", images_of(1, 1, 300, 400));
  const std::array<std::string_view, 2> names{"cat", "dog"};
  Always always;
  observe::add_wrong_images(board, always, labelled({1, 0, 2, 1, 0, 2}), names, 3);
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

CATCH_TEST_CASE("the images that are most wrong come first, and right or unlabelled ones never") {
  const auto outputs = torch::tensor({{0.0F, 5.0F, 0.0F},    // right
                                      {0.0F, 1.0F, 0.0F},    // wrong
                                      {9.0F, 0.0F, 0.0F},    // very wrong
                                      {9.0F, 0.0F, 0.0F},    // not labelled
                                      {0.0F, 0.0F, 1.0F}});  // as wrong as the second
  const auto labels = torch::tensor({1, 0, 2, -100, 0}, torch::kLong);
  const auto found = observe::wrong_images(outputs, labels, 9);
  CATCH_REQUIRE(found.size() == 3);
  CATCH_CHECK(found[0].index == 2);
  CATCH_CHECK(found[0].predicted == 0);
  CATCH_CHECK(found[0].label == 2);
  CATCH_CHECK(found[0].probability == Catch::Approx(1 / (1 + 2 * std::exp(-9.0))));
  CATCH_CHECK(found[1].index == 1);
  CATCH_CHECK(found[2].index == 4);
  CATCH_CHECK(observe::wrong_images(outputs, labels, 1).size() == 1);
  auto broken = outputs.clone();
  broken[0].fill_(std::numeric_limits<float>::quiet_NaN());
  const auto not_finite = observe::wrong_images(broken, labels, 9);
  CATCH_REQUIRE(not_finite.size() == 4);
  CATCH_CHECK(not_finite[0].index == 0);
  CATCH_CHECK(observe::wrong_images(outputs.narrow(0, 0, 1), labels.narrow(0, 0, 1), 9).empty());
  CATCH_CHECK_THROWS_AS(observe::wrong_images(outputs, labels.narrow(0, 0, 2), 9), DataError);
}

CATCH_TEST_CASE("tensors that are no images are refused") {
  const Folder folder;
  TensorBoard board(folder / "board");
  for (const auto& wrong : {torch::zeros({1, 3, 2, 2}), images_of(1, 2, 2, 2),
                            images_of(1, 3, 2, 2)[0], images_of(0, 3, 2, 2), at::Tensor()}) {
    CATCH_CHECK_THROWS_AS(board.add_images("wrong", wrong), DataError);
  }
  const std::vector<std::uint8_t> pixels(11);
  CATCH_CHECK_THROWS_AS(png_bytes(pixels, 2, 2, 3), DataError);
}
