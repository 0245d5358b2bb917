// One training by several processes, from the command line.
#include "../distributed/ranks.hpp"
#include "program.hpp"

#include <algorithm>
#include <chrono>
#include <csignal>
#include <fstream>
#include <memory>
#include <string>
#include <thread>
#include <vector>

using namespace gradus::test;
using Catch::Matchers::ContainsSubstring;

namespace {

using Words = std::vector<std::string>;

/// `train optimized` in batches of 16, of which an epoch of 128 samples has 4 windows.
Words training(const Folder& folder, const Words& more = {}) {
  Words words{GRADUS_PROGRAM,
              "train",
              "optimized",
              "--data",
              GRADUS_SUBSET,
              "--device",
              "cpu",
              "--width",
              "2",
              "--test-samples",
              "50",
              "--set",
              "loading.batch_size=16",
              "--set",
              "distribution.timeout_seconds=20",
              "--out",
              (folder / "run").string()};
  const auto given = [&](const char* flag) { return std::ranges::find(more, flag) != more.end(); };
  if (!given("--train-samples")) words.insert(words.end(), {"--train-samples", "128"});
  if (!given("--epochs")) words.insert(words.end(), {"--epochs", "3"});
  words.insert(words.end(), more.begin(), more.end());
  return words;
}

std::vector<json> epochs_of(const Folder& folder) {
  std::vector<json> lines;
  std::ifstream file(folder / "run/optimized/metrics.jsonl");
  for (std::string text; std::getline(file, text);) {
    auto line = json::parse(text);
    if (line["event"] == "epoch") lines.push_back(std::move(line));
  }
  return lines;
}

void wait_for_file(const std::filesystem::path& path) {
  for (int i = 0; i < 3000 && !std::filesystem::exists(path); ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
}

/// Processes that run and have `folder` among their arguments.
std::vector<pid_t> running_in(const Folder& folder) {
  std::vector<pid_t> list;
  for (const auto& entry : std::filesystem::directory_iterator("/proc")) {
    const auto name = entry.path().filename().string();
    if (name.find_first_not_of("0123456789") != std::string::npos) continue;
    try {
      const auto words = text_of(entry.path() / "cmdline");
      if (words.find((folder / "run").string()) == std::string::npos) continue;
      if (text_of(entry.path() / "stat").find(") Z ") == std::string::npos) {
        list.push_back(std::stoi(name));
      }
    } catch (const std::exception&) {  // it has ended meanwhile
    }
  }
  return list;
}

}  // namespace

CATCH_TEST_CASE("a training that is started as two processes is one, and the first one speaks") {
  const Folder one, two;
  for (const auto& rank : started(1, training(one))) CATCH_CHECK(rank->wait() == 0);
  const auto ranks = started(2, training(two));
  for (const auto& rank : ranks) {
    CATCH_INFO(rank->err());
    CATCH_CHECK(rank->wait() == 0);
  }
  CATCH_CHECK_THAT(ranks[0]->out(), ContainsSubstring("optimized"));
  CATCH_CHECK(ranks[1]->out().empty());
  CATCH_CHECK(ranks[1]->err().empty());
  const auto alone = epochs_of(one), shared = epochs_of(two);
  CATCH_REQUIRE(shared.size() == alone.size());
  for (std::size_t i = 0; i < shared.size(); ++i) {
    CATCH_CHECK(shared[i]["samples"] == alone[i]["samples"]);
    CATCH_CHECK(shared[i]["optimizer_steps"] == alone[i]["optimizer_steps"]);
    CATCH_CHECK(shared[i]["train_loss"].get<double>() ==
                Catch::Approx(alone[i]["train_loss"].get<double>()).margin(0.3));
  }
  CATCH_CHECK_THAT(text_of(two / "run/optimized/config.json"),
                   ContainsSubstring("\"processes\": 2"));
}

CATCH_TEST_CASE("the survivor of two processes ends with 8 and names the other") {
  for (const std::size_t victim : {std::size_t{0}, std::size_t{1}}) {
    const Folder folder;
    const auto ranks = started(2, training(folder, {"--epochs", "1000"}));
    wait_for_file(folder / "run/optimized/metrics.jsonl");
    ranks[victim]->signal(SIGKILL);
    auto& survivor = *ranks[1 - victim];
    CATCH_CHECK(survivor.wait() == 8);
    CATCH_CHECK_THAT(survivor.err(), ContainsSubstring("rank " + std::to_string(victim)));
  }
}

CATCH_TEST_CASE("--processes starts them, and leaves none behind") {
  const Folder folder;
  Process parent(training(folder, {"--processes", "2", "--epochs", "1000"}), {});
  wait_for_file(folder / "run/optimized/metrics.jsonl");
  CATCH_CHECK(running_in(folder).size() == 3);

  CATCH_SECTION("a signal ends all with everything saved, and fewer or more resume") {
    parent.signal(SIGTERM);
    CATCH_CHECK(parent.wait() == 75);
    CATCH_CHECK_THAT(parent.err(), ContainsSubstring("with everything saved") &&
                                       ContainsSubstring(" --processes 2"));
    CATCH_CHECK(running_in(folder).empty());
    Process rest(training(folder, {"--resume", "--processes", "3", "--epochs", "1000",
                                   "--stop-after-steps", "1"}),
                 {});
    CATCH_INFO(rest.err());
    CATCH_CHECK(rest.wait() == 0);
  }
  CATCH_SECTION("where one is killed, the others end") {
    for (const auto process : running_in(folder)) {
      const auto variables = text_of("/proc/" + std::to_string(process) + "/environ");
      if (variables.find("LOCAL_RANK=1") != std::string::npos) ::kill(process, SIGKILL);
    }
    CATCH_CHECK(parent.wait() == 8);
    CATCH_CHECK_THAT(parent.err(), ContainsSubstring("rank 1 was ended by signal 9"));
    CATCH_CHECK(running_in(folder).empty());
  }
  CATCH_SECTION("where the one that has started them is killed, they end too") {
    parent.signal(SIGKILL);
    CATCH_CHECK(parent.wait() == 128 + SIGKILL);
    for (int i = 0; i < 3000 && !running_in(folder).empty(); ++i) {
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
    CATCH_CHECK(running_in(folder).empty());
    CATCH_CHECK(std::filesystem::exists(folder / "run/optimized/checkpoints/checkpoints.json"));
  }
}

CATCH_TEST_CASE("a training that was killed on two processes is resumed on one, then on four") {
  const Folder folder, whole;
  const Words size{"--epochs", "8", "--checkpoint-steps", "1", "--threads", "1"};
  const auto ranks = started(2, training(folder, size));
  wait_for_file(folder / "run/optimized/checkpoints/step-000000003.safetensors");
  for (const auto& rank : ranks) rank->signal(SIGKILL);
  for (const auto& rank : ranks) rank->wait();
  const auto resumed = [&](const Words& more) {
    auto words = size;
    words.insert(words.end(), {"--resume"});
    words.insert(words.end(), more.begin(), more.end());
    return training(folder, words);
  };
  Process one(resumed({"--stop-after-steps", "20"}), {});
  CATCH_CHECK(one.wait() == 0);
  const auto four = started(4, resumed({}));
  for (const auto& rank : four) {
    CATCH_INFO(rank->err());
    CATCH_CHECK(rank->wait() == 0);
  }
  Process never(training(whole, size), {});
  CATCH_CHECK(never.wait() == 0);
  const auto found = epochs_of(folder), wanted = epochs_of(whole);
  CATCH_REQUIRE(found.size() == wanted.size());
  for (std::size_t i = 0; i < found.size(); ++i) {
    CATCH_CHECK(found[i]["samples"] == wanted[i]["samples"]);
    CATCH_CHECK(found[i]["optimizer_steps"] == wanted[i]["optimizer_steps"]);
  }
}

CATCH_TEST_CASE("commands of one process, and variables that do not fit, are refused") {
  const auto refused = [](const Words& words, const Words& variables, int code, const char* part) {
    Process process(words, variables);
    CATCH_CHECK(process.wait() == code);
    CATCH_CHECK_THAT(process.err(), ContainsSubstring(part));
  };
  const Words of_two{"RANK=0", "WORLD_SIZE=2", "MASTER_PORT=1"};
  refused({GRADUS_PROGRAM, "describe", "optimized"}, of_two, 2, "describe is for one");
  refused({GRADUS_PROGRAM, "compare", "--demo"}, of_two, 2, "--demo measures one process");
  refused({GRADUS_PROGRAM, "train", "optimized"}, {"RANK=2", "WORLD_SIZE=2"}, 8, "RANK is '2'");
  refused({GRADUS_PROGRAM, "train", "optimized", "--processes", "0"}, {}, 3, "--processes is 0");
}
