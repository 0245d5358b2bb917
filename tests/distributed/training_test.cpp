// Several real processes that train together: rows 83 to 87 of the fault matrix, and what a run by
// any number of them promises.
#include "../catch.hpp"
#include "../folder.hpp"
#include "ranks.hpp"
#include <gradus/files/write_file.hpp>

#include <nlohmann/json.hpp>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <csignal>
#include <cstdint>
#include <memory>
#include <string>
#include <thread>
#include <vector>

using Catch::Matchers::ContainsSubstring;
using gradus::test::Folder;
using gradus::test::Process;
using gradus::test::started;
using nlohmann::json;

namespace {

using Words = std::vector<std::string>;

std::vector<std::unique_ptr<Process>> trained(int size, const Words& arguments) {
  Words command{GRADUS_TRAINED_RANK};
  command.insert(command.end(), arguments.begin(), arguments.end());
  return started(size, command);
}

json result_of(Process& process) {
  const int code = process.wait();
  CATCH_INFO(process.err());
  CATCH_REQUIRE(code == 0);
  const auto out = process.out();
  return json::parse(out.substr(out.find('{')));
}

/// What each process prints.
std::vector<json> results(int size, const Words& arguments) {
  std::vector<json> list;
  for (const auto& process : trained(size, arguments)) list.push_back(result_of(*process));
  return list;
}

/// The largest difference of two lists of numbers.
double apart(const json& one, const json& other) {
  CATCH_REQUIRE(one.size() == other.size());
  double most = 0;
  for (std::size_t i = 0; i < one.size(); ++i) {
    most = std::max(most, std::abs(one[i].get<double>() - other[i].get<double>()));
  }
  return most;
}

void check_alike(const json& found, const json& wanted, double tolerance) {
  CATCH_CHECK(apart(found["weights"], wanted["weights"]) <= tolerance);
  CATCH_REQUIRE(found["epochs"].size() == wanted["epochs"].size());
  for (std::size_t epoch = 0; epoch < wanted["epochs"].size(); ++epoch) {
    for (const auto& [name, value] : wanted["epochs"][epoch].items()) {
      CATCH_INFO(name << " of epoch " << epoch);
      CATCH_CHECK(found["epochs"][epoch][name].get<double>() ==
                  Catch::Approx(value.get<double>()).epsilon(tolerance));
    }
  }
}

/// Every process ends with this code and a sentence that has each of these parts.
void check_refused(int size, const Words& arguments, int code, const Words& parts) {
  for (const auto& process : trained(size, arguments)) {
    CATCH_CHECK(process->wait() == code);
    for (const auto& part : parts) CATCH_CHECK_THAT(process->err(), ContainsSubstring(part));
  }
}

Words with(Words words, const Words& more) {
  words.insert(words.end(), more.begin(), more.end());
  return words;
}

}  // namespace

CATCH_TEST_CASE("where sums are exact, any number of processes has the bits of one") {
  const auto one = results(0, {"exact=1"}).front();
  for (const int size : {1, 2, 4}) {
    for (const auto& found : results(size, {"exact=1"})) CATCH_CHECK(found == one);
    for (const auto& found : results(size, {"own=1"})) CATCH_CHECK(found == one);
  }
}

CATCH_TEST_CASE("any number of processes trains what one does [row 85]") {
  // Windows of two batches; a short last batch and window; targets that do not count; batches of
  // fewer samples than there are processes; fewer held-out batches than processes.
  const std::vector<Words> runs{{},
                                {"samples=33", "test=5"},
                                {"batch=7", "accumulate=3", "workers=0"},
                                {"nan=5", "skip=1"},
                                {"bucket=1", "differs=weights"}};
  for (const auto& run : runs) {
    CATCH_INFO(Catch::Detail::stringify(run));
    const auto one = results(0, run).front();
    const auto several = results(3, run);
    std::vector<std::int64_t> seen;
    for (const auto& found : several) {
      check_alike(found, one, 1e-6);
      CATCH_CHECK(found["weights"] == several.front()["weights"]);
      CATCH_CHECK(found["epochs"] == several.front()["epochs"]);
      for (const auto& index : found["seen"]) seen.push_back(index.get<std::int64_t>());
    }
    auto all = one["seen"].get<std::vector<std::int64_t>>();
    if (run != runs[1]) {  // there a process with none of a batch looks at one that does not count
      std::ranges::sort(seen);
      std::ranges::sort(all);
      CATCH_CHECK(seen == all);
    }
    // Observers are told by the first process alone.
    CATCH_CHECK(several[0]["told"] == one["told"]);
    CATCH_CHECK(several[1]["told"] == json({0, 0}));
    CATCH_CHECK(one["norms"].size() >=
                2);  // of the windows read, one may have no target that counts
    CATCH_CHECK(apart(several[0]["norms"], one["norms"]) <= 1e-5);
  }
}

CATCH_TEST_CASE("norms over all processes are those of one") {
  // The last one's norms take the statistics of the batch in evaluation too, where one process has
  // more batches than another.
  for (const Words& run : {Words{"norm=1"}, Words{"norm=1", "batch=15", "accumulate=3"},
                           Words{"norm=1", "untracked=1", "test=18"}}) {
    const auto one = results(0, run).front();
    for (const int size : {2, 3}) {
      const auto several = results(size, with(run, {"shared_norms=1"}));
      for (const auto& found : several) check_alike(found, one, 1e-5);
      const auto of_each_its_own = results(size, run);
      CATCH_CHECK(apart(of_each_its_own[0]["weights"], one["weights"]) > 1e-4);
    }
  }
  check_refused(3, {"norm=1", "shared_norms=1", "samples=36"}, 3,
                {"a process's part of a training batch is 1 sample"});
  // A batch of 1 sample, of which two have nothing.
  for (const Words& run : {Words{"shared_norms=1"}, Words{"norm=1", "shared_norms=1"}}) {
    check_refused(3, with(run, {"samples=33"}), 3,
                  {"a training batch holds 1 sample, which 3 processes share", "drop_last"});
  }
}

CATCH_TEST_CASE("held-out batches are evaluated once, whichever process does it") {
  const auto one = results(0, {"epochs=1"}).front();
  std::int64_t seen = 0;
  const int size = 2;
  for (const auto& found : results(size, {"epochs=1"})) seen += found["test_seen"].get<int>();
  const std::int64_t sanity = 4;  // by each
  CATCH_CHECK(seen == one["test_seen"].get<std::int64_t>() + (size - 1) * sanity);
}

CATCH_TEST_CASE("gradients that travel in a shorter type differ a little") {
  const auto one = results(0, {}).front();
  for (const auto* type : {"type=bfloat16", "type=float16"}) {
    for (const auto& found : results(2, {type})) {
      const auto difference = apart(found["weights"], one["weights"]);
      CATCH_CHECK(difference > 0);
      CATCH_CHECK(difference < 1e-3);
    }
  }
}

CATCH_TEST_CASE("a run by several processes has the same bits again, and when it is resumed") {
  // Those of a buffer too, which training reads and each process fills by its own samples.
  for (const Words& run :
       {Words{"norm=1", "dropout=0.5", "workers=0"}, Words{"norm=1", "centred=1", "workers=0"}}) {
    const auto whole = results(2, run);
    CATCH_CHECK(results(2, run) == whole);
    CATCH_CHECK(whole[0]["weights"] == whole[1]["weights"]);
    const Folder folder;
    const auto saved = with(run, {"folder=" + (folder / "run").string()});
    static_cast<void>(results(2, with(saved, {"stop_after=4"})));
    const auto rest = results(2, saved);
    for (std::size_t rank = 0; rank < rest.size(); ++rank) {
      CATCH_CHECK(rest[rank]["resumed"] == true);
      CATCH_CHECK(rest[rank]["weights"] == whole[rank]["weights"]);
      CATCH_CHECK(rest[rank]["epochs"] == whole[rank]["epochs"]);
    }
  }
}

CATCH_TEST_CASE("a run is resumed by more processes, or fewer, or one [row 86]") {
  const Words run{"workers=0"};
  const auto whole = results(0, run).front();
  auto order = whole["seen"].get<std::vector<std::int64_t>>();
  const Folder folder;
  std::vector<std::int64_t> seen;
  json last;
  int part = 0;
  for (const int size : {2, 4, 1, 0, 3}) {
    const auto stop = part < 4 ? Words{"stop_after=" + std::to_string(2 * ++part)} : Words{};
    std::vector<std::vector<std::int64_t>> shares;
    for (auto& found :
         results(size, with(with(run, {"folder=" + (folder / "run").string()}), stop))) {
      CATCH_CHECK(found["resumed"] == (part > 1 || stop.empty()));
      for (const auto& index : found["seen"]) seen.push_back(index.get<std::int64_t>());
      last = std::move(found);
    }
  }
  check_alike(last, whole, 1e-6);
  std::ranges::sort(seen);
  std::ranges::sort(order);
  CATCH_CHECK(seen == order);
}

CATCH_TEST_CASE("optimizer state that is divided over processes changes no result") {
  // 8 x 16 and 16 x 5 weights, 16 and 5 biases: shares differ by less than the largest of them.
  for (const Words& run : {Words{"workers=0", "norm=1"}, Words{"workers=0", "nested=1"}}) {
    CATCH_INFO(run.back());
    const auto whole = results(0, run).front();
    for (const int size : {2, 3}) {
      const auto plain = results(size, run);
      std::int64_t most = 0, all = 0;
      for (const auto& found : results(size, with(run, {"shard=1"}))) {
        check_alike(found, plain.front(), 1e-6);
        most = std::max(most, found["state"].get<std::int64_t>());
        all += found["state"].get<std::int64_t>();
      }
      CATCH_CHECK(all == whole["state"]);
      CATCH_CHECK(most < all);
      CATCH_CHECK(plain.front()["state"] == whole["state"]);
    }
    // Saved by several, each with a part; resumed by more, by one that has all, and by fewer.
    const Folder folder;
    const auto saved = with(run, {"folder=" + (folder / "run").string()});
    const bool has_norm = run.back() == "norm=1";  // of each process its own
    const auto sizes = has_norm ? std::vector{2, 2, 2} : std::vector{2, 3, 0, 2};
    json last;
    int part = 0;
    for (const int size : sizes) {
      const bool ends = ++part == std::ssize(sizes);
      const auto stop = ends ? Words{} : Words{"stop_after=" + std::to_string(2 * part)};
      last = results(size, with(with(saved, {"shard=1"}), stop)).back();
      CATCH_CHECK(last["resumed"] == (part > 1));
    }
    check_alike(last, has_norm ? results(2, run).front() : whole, 1e-5);
  }
  const Folder folder;
  check_refused(2, {"summing=1", "shard=1", "folder=" + (folder / "run").string()}, 3,
                {"'sum' belongs to no parameter and differs; set distribution.shard_optimizer"});
  for (const auto& found :
       results(2, {"summing=1", "shard=1", "warn=1", "folder=" + (folder / "warned").string()})) {
    CATCH_CHECK(found["end"] == 0);  // whole
    CATCH_CHECK(found["epochs"].size() == 3);
  }
}

CATCH_TEST_CASE("a signal to one process ends all after the same step, with all saved [row 83]") {
  const Words run{"workers=0", "epochs=40", "slow=1"};
  for (const std::size_t asked : {std::size_t{0}, std::size_t{2}}) {
    const Folder folder;
    const auto saved = with(run, {"folder=" + (folder / "run").string()});
    const auto ranks = trained(3, saved);
    ranks[0]->wait_for_output("begun");
    ranks[asked]->signal(SIGTERM);
    std::vector<json> ended;
    for (const auto& rank : ranks) ended.push_back(result_of(*rank));
    for (const auto& found : ended) {
      CATCH_CHECK(found["end"] == ended[0]["end"]);
      CATCH_CHECK(found["weights"] == ended[0]["weights"]);
      CATCH_CHECK(found["epochs"] == ended[0]["epochs"]);
    }
    CATCH_CHECK(ended[0]["told"][0].get<int>() < 120);
    for (const auto& found : results(2, with(saved, {"stop_after=100"}))) {
      CATCH_CHECK(found["resumed"] == true);
    }
  }
}

CATCH_TEST_CASE("a signal before the first step ends all before it [row 83]") {
  const Folder folder;
  for (const auto& found : results(3, {"ask=1", "folder=" + (folder / "run").string()})) {
    CATCH_CHECK(found["epochs"].empty());
    CATCH_CHECK(found["told"][0] == 0);
    CATCH_CHECK(found["end"] == 2);  // interrupted
  }
}

CATCH_TEST_CASE("a signal to one process during an evaluation ends it for all [row 83]") {
  // Its first held-out batch of 8, behind the 4 samples of the sanity check. An epoch has 3 steps.
  const Folder folder;
  for (const int size : {2, 3}) {
    const auto ended = results(size, {"workers=0", "ask_evaluating=12",
                                      "folder=" + (folder / std::to_string(size)).string()});
    CATCH_CHECK(ended[0]["told"] == json({3, 0}));
    for (const auto& found : ended) {
      CATCH_CHECK(found["end"] == 2);  // interrupted
      CATCH_CHECK(found["epochs"].empty());
    }
  }
}

CATCH_TEST_CASE("why the first process has ended before the run is reported by the others") {
  const Folder folder;
  gradus::write_file(folder / "taken", "no folder");
  const auto ranks = trained(2, {"timeout=20", "folder=" + (folder / "taken" / "run").string()});
  CATCH_CHECK(ranks[0]->wait() == 7);
  CATCH_CHECK(ranks[1]->wait() == 8);
  CATCH_CHECK_THAT(ranks[1]->err(), ContainsSubstring("rank 0 has ended (\"Cannot write "));
}

CATCH_TEST_CASE("processes that would train different runs are refused at the start [row 84]") {
  check_refused(3, {"differs=model"}, 8,
                {"rank 2 differs from rank 0", "model.parameters: 173' there"});
  check_refused(2, {"differs=rate"}, 8,
                {"policies.optimizer.lr: 0.01' there, '", "0.02' on rank 0"});
  check_refused(2, {"differs=buckets"}, 8, {"distribution.bucket_megabytes: 1.0' there"});
  check_refused(2, {"differs=data"}, 8, {"training data: 91 samples", "training data: 90 samples"});
}

CATCH_TEST_CASE("what ends a run of one process ends all of several, in the same words") {
  const auto said = [](int size, const Words& run) {
    Words list;
    for (const auto& process : trained(size, run)) {
      CATCH_CHECK(process->wait() == 6);
      list.push_back(process->err());
    }
    return list;
  };
  // Row 87: a parameter that nobody uses; and a loss that is not finite on one rank.
  for (const Words& run : {Words{"unused=1"}, Words{"nan=5"}}) {
    const auto one = said(0, run).front();
    for (const auto& sentence : said(3, run)) CATCH_CHECK(sentence == one);
  }
}

CATCH_TEST_CASE("a process that is killed while it trains is named by the others") {
  for (const std::size_t victim : {std::size_t{0}, std::size_t{1}}) {
    const auto ranks = trained(2, {"epochs=1000", "slow=1", "timeout=10"});
    ranks[0]->wait_for_output("begun");
    ranks[victim]->signal(SIGKILL);
    auto& survivor = *ranks[1 - victim];
    CATCH_CHECK(survivor.wait() == 8);
    CATCH_CHECK_THAT(survivor.err(), ContainsSubstring("rank " + std::to_string(victim)));
  }
}

#ifdef GRADUS_DATA_PARALLEL
CATCH_TEST_CASE("the example of the pages is one run by as many processes as are started") {
  for (const int size : {0, 2}) {
    const auto ranks = started(size, {GRADUS_DATA_PARALLEL, GRADUS_SUBSET});
    CATCH_CHECK(ranks[0]->wait() == 0);
    CATCH_CHECK_THAT(ranks[0]->out(),
                     ContainsSubstring(size == 0 ? "1 process, test accuracy 0."
                                                 : "2 processes, test accuracy 0."));
    if (size == 2) CATCH_CHECK(ranks[1]->out().empty());
  }
}
#endif

CATCH_TEST_CASE("in a loop of one's own each window begins with the buffers of the first process") {
  for (const int size : {2, 3}) {
    const auto kept = results(size, {"stepped=1", "centred=1"});
    const auto lost = results(size, {"stepped=1", "centred=1", "lose=1"});
    for (const auto& found : lost) CATCH_CHECK(found["weights"] == kept[0]["weights"]);
  }
}

CATCH_TEST_CASE("a loop of one's own may compute its losses outside of the stepper") {
  const auto one = results(0, {"stepped=1", "frozen=1"}).front();
  for (const auto& found : results(2, {"stepped=1", "frozen=1", "outside=1"})) {
    CATCH_CHECK(apart(found["weights"], one["weights"]) <= 1e-6);
  }
}

CATCH_TEST_CASE("two models of a loop of one's own end their windows in the same order") {
  const auto ranks = results(2, {"two=1", "timeout=20"});
  CATCH_CHECK(ranks[0]["steps"] == json({2, 2}));
  CATCH_CHECK(ranks[1] == ranks[0]);
}

CATCH_TEST_CASE("an observer may freeze a norm on the first process in the middle of an epoch") {
  for (const auto& found : results(2, {"norm=1", "epochs=1", "freezes=1", "timeout=20"})) {
    CATCH_CHECK(found["end"] == 0);  // whole
  }
}

CATCH_TEST_CASE("a loop of one's own is shared by several processes") {
  const auto one = results(0, {"stepped=1"}).front();
  CATCH_CHECK(one["steps"] == 4);
  for (const int size : {1, 2, 3}) {
    auto all = results(size, {"stepped=1"});
    for (auto& found : results(size, {"stepped=1", "shard=1"})) all.push_back(std::move(found));
    for (const auto& found : all) {
      CATCH_CHECK(apart(found["weights"], one["weights"]) <= 1e-6);
      CATCH_CHECK(found["loss"].get<double>() ==
                  Catch::Approx(one["loss"].get<double>()).epsilon(1e-6));
      CATCH_CHECK(found["steps"] == 4);
      CATCH_CHECK(found["of"] == 4);
      CATCH_CHECK(found["nothing"] == true);
    }
  }
}
