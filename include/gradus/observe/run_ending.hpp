/// Where a run is, and how it ended, in words.
#pragma once

#include <gradus/observe/comparison.hpp>
#include <gradus/observe/run_groups.hpp>
#include <gradus/observe/text.hpp>

#include <algorithm>
#include <cstdint>
#include <string>
#include <vector>

namespace gradus::observe {

/// Whether its stopping policy has ended the run before its last epoch.
[[nodiscard]] inline bool stopped_early(const RunRecord& run) {
  if (run.state != RunState::over || run.end != RunEnd::whole) return false;
  return run.stopped_early || (run.planned_epochs > 0 &&
                               static_cast<std::int64_t>(run.epochs.size()) < run.planned_epochs);
}

/// As comparison.json has it: "whole", "early_stop", "limit", "interrupted", "out_of_data",
/// "unfinished", "training" or "failed".
[[nodiscard]] inline std::string end_name(const RunRecord& run) {
  if (run.state == RunState::trains) return "training";
  if (run.state == RunState::failed) return "failed";
  switch (run.end) {
    case RunEnd::limit:
      return "limit";
    case RunEnd::interrupted:
      return "interrupted";
    case RunEnd::out_of_data:
      return "out_of_data";
    case RunEnd::unfinished:
      return "unfinished";
    case RunEnd::whole:
      break;
  }
  return stopped_early(run) ? "early_stop" : "whole";
}

/// "training: epoch 3 of 5, about 41 s left", "stopped early, after epoch 3 of 5"; nothing for a
/// run that is whole.
[[nodiscard]] inline std::string ending(const RunRecord& run) {
  const auto whole_epochs = static_cast<std::int64_t>(run.epochs.size());
  const auto epoch = [&](std::int64_t number) {
    const auto planned = run.planned_epochs;
    if (planned <= 0) return "epoch " + grouped(number);
    return "epoch " + grouped(std::min(number, planned)) + " of " + grouped(planned);
  };
  const auto steps = [&] {
    const auto count = run.optimizer_steps();
    return grouped(count) + (count == 1 ? " step" : " steps");
  };
  const std::string name = end_name(run);
  if (name == "training")
    return "training: " + epoch(whole_epochs + 1) +
           (run.seconds_left ? ", about " + duration(*run.seconds_left) + " left" : "");
  if (name == "failed") return "ended by an error in " + epoch(whole_epochs + 1);
  if (name == "early_stop") return "stopped early, after " + epoch(whole_epochs);
  if (name == "limit") return "ended by a limit, after " + steps();
  if (name == "out_of_data") return "ended with its data, after " + steps();
  if (name == "unfinished") {
    return whole_epochs == 0 ? "no epoch is over" : "unfinished, after " + epoch(whole_epochs);
  }
  if (name == "interrupted" && whole_epochs == 0) return "interrupted in " + epoch(1);
  return name == "interrupted" ? "interrupted after " + epoch(whole_epochs) : "";
}

/// Of all runs that are not whole, such as "optimized: interrupted after epoch 2 of 5".
[[nodiscard]] inline std::vector<std::string> endings(const Comparison& comparison) {
  std::vector<std::string> sentences;
  for (const RunRecord& run : comparison.runs) {
    const std::string text = ending(run);
    if (!text.empty()) sentences.push_back(printable(run_title(comparison, run)) + ": " + text);
  }
  return sentences;
}

}  // namespace gradus::observe
