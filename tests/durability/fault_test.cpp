// Rows 47, 50, 51, 53, 54, 55 of the fault matrix: whatever happens in the middle of a save, the
// run resumes from a whole checkpoint and ends with the bits of one that nothing happened to.
#include "../catch.hpp"
#include "../folder.hpp"
#include <gradus/checkpoint/run_file.hpp>
#include <gradus/files/write_file.hpp>

#include <cstdlib>
#include <filesystem>
#include <map>
#include <string>
#include <sys/wait.h>
#include <tuple>

using Catch::Matchers::ContainsSubstring;
using gradus::test::Folder;
using gradus::test::text_of;
namespace fs = std::filesystem;

namespace {

struct Result {
  int code = -1;  ///< 128 + number for a signal
  std::string out;
  std::string err;
};

Result run(const Folder& folder, const std::string& environment = "") {
  const auto at = folder.path().string();
  const auto command = "env " + environment + " " GRADUS_DURABLE_RUN " " + at + "/run >" + at +
                       "/out 2>" + at + "/err";
  const int status = std::system(command.c_str());
  const int code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  return {code, text_of(folder / "out"), text_of(folder / "err")};
}

/// Call number `at`, between those that open the paths `from` and `until`.
Result run_with_fault(const Folder& folder, const std::string& fault, int at,
                      const std::string& from, const std::string& until) {
  return run(folder, "LD_PRELOAD=" GRADUS_FAULT_SHIM " GRADUS_FAULT=" + fault +
                         " GRADUS_FAULT_FROM=" + from + " GRADUS_FAULT_UNTIL=" + until +
                         " GRADUS_FAULT_AT=" + std::to_string(at) +
                         " GRADUS_FAULT_MARK=" + (folder / "mark").string());
}

/// Of the save of step 3, of 6.
Result run_with_fault(const Folder& folder, const std::string& fault, int at) {
  return run_with_fault(folder, fault, at, "step-000000003", "step-000000004");
}

std::string uninterrupted() {
  const Folder folder;
  const auto result = run(folder);
  CATCH_INFO(result.err);
  CATCH_REQUIRE(result.code == 0);
  return result.out;
}

/// All lines of a run of 6 steps, none twice.
void check_metrics(const Folder& folder) {
  const auto text = text_of(folder / "run/metrics.jsonl");
  std::size_t epochs = 0;
  for (std::size_t at = 0; (at = text.find("\"event\":\"epoch\"", at)) != std::string::npos; ++at) {
    ++epochs;
  }
  CATCH_CHECK(epochs == 2);
}

void check_goes_on(const Folder& folder, const std::string& expected) {
  const auto result = run(folder);
  CATCH_INFO(result.err);
  CATCH_CHECK(result.code == 0);
  CATCH_CHECK(result.out == expected);
  CATCH_CHECK(result.err == "");  // what lies there is whole
  check_metrics(folder);
  for (const auto& entry : fs::directory_iterator(folder / "run/checkpoints")) {
    const auto name = entry.path().filename().string();
    CATCH_CHECK(name.find(gradus::unfinished_mark) == std::string::npos);
  }
}

}  // namespace

CATCH_TEST_CASE(
    "killed at any call of a save, a run resumes and ends with the same bits [row 54]") {
  const auto expected = uninterrupted();
  std::string calls;
  for (int at = 1;; ++at) {
    const Folder folder;
    const auto killed = run_with_fault(folder, "kill", at);
    CATCH_REQUIRE(at < 100);
    if (!fs::exists(folder / "mark")) break;
    calls += text_of(folder / "mark") + " ";
    CATCH_INFO("killed at call " << at << ": " << calls);
    CATCH_CHECK(killed.code == 128 + 9);
    check_goes_on(folder, expected);
  }
  for (const auto* call : {"open", "write", "fsync", "close", "rename"}) {
    CATCH_CHECK_THAT(calls, ContainsSubstring(call));
  }
}

CATCH_TEST_CASE("a checkpoint is on the disk before it has its name, and its folder after that") {
  const Folder folder;
  CATCH_REQUIRE(run_with_fault(folder, "trace", 0).code == 0);
  const std::string replaced = "open write fsync close rename open fsync close ";
  // The checkpoint, and then the index likewise.
  CATCH_CHECK_THAT(text_of(folder / "mark"), ContainsSubstring(replaced + replaced));
}

CATCH_TEST_CASE("a folder that is made for a run is on the disk before anything is in it") {
  const Folder folder;
  const auto name = (folder / "run").string();
  CATCH_REQUIRE(run_with_fault(folder, "trace", 0, name, "/lock").code == 0);
  const std::string made = "mkdir open fsync close ";
  CATCH_CHECK(text_of(folder / "mark") == made + made);  // run and run/checkpoints
}

CATCH_TEST_CASE(
    "a save that fails at any call ends the run with its cause, and the last good one stays "
    "[rows 50, 51, 53]") {
  const auto expected = uninterrupted();
  const auto check = [&](const Result& failed, const std::string& words) {
    CATCH_CHECK(failed.code == 7);
    CATCH_CHECK_THAT(failed.err, ContainsSubstring("Cannot write ") && ContainsSubstring(words));
  };
  std::map<std::string, int> first;  // of each call
  for (int at = 1;; ++at) {
    const Folder folder;
    const auto failed = run_with_fault(folder, "EIO", at);
    CATCH_REQUIRE(at < 100);
    if (!fs::exists(folder / "mark")) break;
    const auto call = text_of(folder / "mark");
    first.emplace(call, at);
    CATCH_INFO(call << ", call " << at << ": " << failed.err);
    if (call == "remove") {  // of a checkpoint that is not needed any more
      CATCH_CHECK(failed.code == 0);
      CATCH_CHECK(failed.out == expected);
    } else {
      check(failed, "Input/output error");
      check_goes_on(folder, expected);
    }
  }
  for (const auto& [call, fault, words] : {std::tuple("write", "ENOSPC", "No space left on device"),
                                           std::tuple("open", "EMFILE", "Too many open files")}) {
    const Folder folder;
    const auto failed = run_with_fault(folder, fault, first.at(call));
    CATCH_INFO(fault << ": " << failed.err);
    check(failed, words);
    check_goes_on(folder, expected);
  }
}

CATCH_TEST_CASE(
    "a damaged newest checkpoint is reported, set aside, and the one before resumes [row 47]") {
  const auto expected = uninterrupted();
  const Folder folder;
  CATCH_REQUIRE(run(folder).out == expected);
  const auto newest = folder / "run/checkpoints/step-000000006.safetensors";
  CATCH_REQUIRE(fs::exists(newest));
  auto bytes = text_of(newest);
  bytes[bytes.size() - 3] ^= 1;
  gradus::write_file(newest, bytes);
  const auto result = run(folder);
  CATCH_CHECK(result.code == 0);
  CATCH_CHECK(result.out == expected);
  CATCH_CHECK_THAT(result.err, ContainsSubstring("has another checksum") &&
                                   ContainsSubstring("The one before it is tried."));
  CATCH_CHECK(fs::exists(newest.string() + ".damaged"));
}
