/// What a check of `selfcheck` is: a sentence that must hold on this machine, and how to find out.
#pragma once

#include "../configuration.hpp"
#include "../options.hpp"

#include <nlohmann/json.hpp>

#include <c10/core/Device.h>

#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace cifar10::checks {

enum class Verdict { holds, fails, not_run };

[[nodiscard]] std::string_view word(Verdict verdict);  ///< "holds", "fails", "not run"

struct Outcome {
  Verdict verdict = Verdict::holds;
  std::string figure;  ///< what was measured, or why it was not run, in a few words
  nlohmann::ordered_json measured = nlohmann::ordered_json::object();
};

/// `figure` is what was measured either way.
[[nodiscard]] Outcome holds_if(bool condition, std::string figure,
                               nlohmann::ordered_json measured = nlohmann::ordered_json::object());
[[nodiscard]] Outcome not_run(std::string why);

/// What the checks are about.
struct Subject {
  Options options;
  c10::Device device;
  const TrainingData& data;
};

struct Check {
  std::string group;
  std::string sentence;  ///< what should hold
  std::function<Outcome(const Subject&)> run;
};
using Checks = std::vector<Check>;

/// One file each, of the same name. Those that need CUDA say `not run` elsewhere.
[[nodiscard]] Checks arithmetic_checks();
[[nodiscard]] Checks training_checks();
[[nodiscard]] Checks data_checks();
[[nodiscard]] Checks step_checks();
[[nodiscard]] Checks cuda_checks();
[[nodiscard]] Checks all_checks();

struct Finding {
  Check check;
  Outcome outcome;
  double seconds = 0;
};

/// Runs each in turn; one that throws fails with the text of what it threw. `say` is told of each
/// before it begins.
[[nodiscard]] std::vector<Finding> run_checks(const Checks& checks, const Subject& subject,
                                              const std::function<void(const std::string&)>& say);

/// {"holds", "failed", "checks": [{"group", "check", "result", "figure", "measured", "seconds"}]}
[[nodiscard]] nlohmann::ordered_json to_json(const std::vector<Finding>& findings);

/// One line a check.
[[nodiscard]] std::string table(const std::vector<Finding>& findings);

/// Throws gradus::CheckError that names the checks that failed, if any did. `file` has the rest.
void throw_if_failed(const std::vector<Finding>& findings, const std::string& file);

}  // namespace cifar10::checks
