// The report that a person follows while the program trains, and several seeds in it.
#include "program.hpp"

#include <chrono>
#include <csignal>
#include <fstream>
#include <thread>

using namespace gradus::test;
using namespace std::chrono_literals;

namespace {

bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

/// Waits until `page` holds `part`, a minute at most.
bool holds_soon(const fs::path& page, const std::string& part) {
  for (int i = 0; i < 6000; ++i) {
    if (contains(text_of(page), part)) return true;
    std::this_thread::sleep_for(10ms);
  }
  return false;
}

const std::string reload = "http-equiv=\"refresh\"";

}  // namespace

CATCH_TEST_CASE("report.html follows a run of train, also one that was killed and resumes") {
  const Folder folder;
  const auto page = folder / "run" / "report.html";
  // An epoch takes long enough to be seen; SIGKILL leaves no time for a last word.
  const std::string arguments = "train unoptimized --epochs 40 --quiet --threads 1 --width 4" +
                                data + "--train-samples 512 --test-samples 50 --out " +
                                (folder / "run").string();
  const auto pid_file = (folder / "pid").string();
  const auto started = std::system(("cd " + folder.path().string() + " && { " GRADUS_PROGRAM " " +
                                    arguments + " >out 2>err & echo $! >" + pid_file + "; }")
                                       .c_str());
  CATCH_REQUIRE(started == 0);
  CATCH_CHECK(holds_soon(page, " of 40, about "));  // quick epochs may have no page of their own
  CATCH_CHECK(contains(text_of(page), "training: epoch "));
  CATCH_CHECK(contains(text_of(page), reload));
  CATCH_CHECK(contains(text_of(page), "</html>"));
  ::pid_t pid = 0;
  std::ifstream(pid_file) >> pid;
  CATCH_REQUIRE(::kill(pid, SIGKILL) == 0);
  while (::kill(pid, 0) == 0) std::this_thread::sleep_for(10ms);
  const auto metrics = text_of(folder / "run" / "unoptimized" / "metrics.jsonl");
  CATCH_REQUIRE(contains(metrics, "\"event\":\"epoch\",\"epoch\":1,"));

  const auto resumed = run("train unoptimized --resume --stop-after-steps 5120 --threads 1" + data +
                           "--out " + (folder / "run").string());
  CATCH_INFO(resumed.err);
  CATCH_REQUIRE(resumed.code == 0);
  const auto html = text_of(page);
  CATCH_CHECK_FALSE(contains(html, reload));
  CATCH_CHECK(contains(html, "unoptimized, epoch 1: loss "));
  CATCH_CHECK(contains(html, "unoptimized, epoch 40: loss "));
  CATCH_CHECK(contains(html, "a training run"));
}

CATCH_TEST_CASE("a run that was ended by a limit says so in table, JSON and report") {
  const Folder folder;
  const auto out = folder / "run";
  const auto result =
      run("train unoptimized --stop-after-steps 7" + tiny + "--out " + out.string());
  CATCH_INFO(result.err);
  CATCH_REQUIRE(result.code == 0);
  CATCH_CHECK(contains(result.out, "note: unoptimized: ended by a limit, after 7 steps."));
  CATCH_CHECK(contains(text_of(out / "report.html"), "ended by a limit, after 7 steps"));
}

CATCH_TEST_CASE("compare --seeds trains each configuration with each seed and shows the spread") {
  const Folder folder;
  const auto out = folder / "run";
  const auto compare = [&](const std::string& more, const fs::path& to) {
    const auto result =
        run("compare unoptimized optimized" + tiny + "--set optimized:loading.batch_size=16 " +
            more + " --out " + to.string());
    CATCH_INFO(result.err);
    CATCH_REQUIRE(result.code == 0);
    return result;
  };
  const auto result = compare("--seeds 2 --seed 3", out);
  CATCH_CHECK(contains(result.out, " +- "));
  const auto comparison = json::parse(text_of(out / "comparison.json"));
  std::vector<std::string> order;
  for (const auto& record : comparison["runs"])
    order.push_back(record["name"].get<std::string>() + record["seed"].dump());
  CATCH_CHECK(order ==
              std::vector<std::string>{"unoptimized3", "optimized3", "unoptimized4", "optimized4"});
  CATCH_CHECK(comparison["configurations"][1]["seeds"] == json{3, 4});
  const auto html = text_of(out / "report.html");
  CATCH_CHECK(contains(html, "Over 2 seeds optimized "));
  CATCH_CHECK(contains(html, "<path class=\"band s1\""));
  CATCH_CHECK_FALSE(contains(html, reload));
  // A seed is what a run with it alone is, bit for bit.
  compare("--seed 4", folder / "alone");
  const auto weights = fs::path("checkpoints") / "final.safetensors";
  CATCH_CHECK(text_of(out / "optimized" / "seed-4" / weights) ==
              text_of(folder / "alone" / "optimized" / weights));
  CATCH_CHECK_FALSE(
      json::parse(text_of(folder / "alone" / "comparison.json")).contains("configurations"));
  check_refused(run("compare --demo --seeds 2"), 2, "leave out either --demo or --seeds");
}
