/// The program as a person or a script meets it: a process, its exit code, what it prints and
/// leaves.
#pragma once

#include "catch.hpp"
#include "folder.hpp"

#include <nlohmann/json.hpp>

#include <cstdlib>
#include <filesystem>
#include <string>
#include <sys/wait.h>

namespace gradus::test {

namespace fs = std::filesystem;
using nlohmann::json;

struct Result {
  int code = -1;
  std::string out;
  std::string err;
};

/// Runs gradus-cifar10 in a folder of its own, without the caller's settings.
inline Result run(const std::string& arguments, const std::string& environment = "") {
  const Folder folder;
  const auto command = "cd " + folder.path().string() + " && env -u GRADUS_CIFAR10 " + environment +
                       " " GRADUS_PROGRAM " " + arguments + " >out 2>err";
  const int status = std::system(command.c_str());
  return {WIFEXITED(status) ? WEXITSTATUS(status) : -1, text_of(folder / "out"),
          text_of(folder / "err")};
}

inline const std::string data = " --data " GRADUS_SUBSET " ";
inline const std::string tiny =
    data + "--width 2 --epochs 1 --train-samples 96 --test-samples 50 --threads 1 ";
inline const std::string small_batches =
    " --set optimized:loading.batch_size=16 --set fastest:loading.batch_size=16 ";

inline fs::path copy_of_subset(const Folder& folder) {
  fs::copy(GRADUS_SUBSET, folder / "data");
  return folder / "data";
}

/// The exit code, a sentence on stderr after the program's name that holds `part`, nothing on
/// stdout.
inline void check_refused(const Result& result, int code, const std::string& part) {
  CATCH_INFO(result.err);
  CATCH_CHECK(result.code == code);
  CATCH_CHECK(result.out.empty());
  CATCH_CHECK_THAT(result.err, Catch::Matchers::ContainsSubstring(part));
  CATCH_CHECK_THAT(result.err, Catch::Matchers::ContainsSubstring("gradus-cifar10: "));
}

}  // namespace gradus::test
