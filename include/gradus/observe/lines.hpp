/// What a run says about itself, one line per event: the words of progress and log.
#pragma once

#include <gradus/core/events.hpp>
#include <gradus/observe/text.hpp>

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace gradus::observe {

/// "1 step", "12,500 steps".
[[nodiscard]] inline std::string counted(std::int64_t count, const std::string& noun) {
  return grouped(count) + " " + noun + (count == 1 ? "" : "s");
}

/// "r2 0.9312", for each metric but the accuracy that an epoch has.
[[nodiscard]] inline std::vector<std::string> metrics_of(const EpochRecord& record) {
  std::vector<std::string> texts;
  if (!record.test) return texts;
  for (const auto& metric : record.test->metrics) {
    if (metric.label == "accuracy" || !metric.value) continue;
    std::string words = metric.label;
    std::ranges::replace(words, '_', ' ');
    texts.push_back(words + " " + metric_text(*metric.value));
  }
  return texts;
}

/// "5 epochs, each 50,000 samples in 196 steps", or "9,000 steps, 2,304,000 samples".
[[nodiscard]] inline std::string line_of(const FitBegin& event) {
  const auto samples = counted(event.samples_per_epoch, "sample");
  const auto steps = counted(event.steps_per_epoch, "step");
  return (event.epochs > 0 ? counted(event.epochs, "epoch") + ", each " + samples + " in " + steps
                           : steps + ", " + samples) +
         (event.steps_done == 0 ? "" : "; resumes after step " + grouped(event.steps_done));
}

/// "2/5", or "2" where nobody knows of how many.
[[nodiscard]] inline std::string epoch_of(std::int64_t epoch, std::int64_t epochs) {
  return std::to_string(epoch) + (epochs > 0 ? "/" + std::to_string(epochs) : "");
}

/// "epoch 2/5  train loss 1.2044  test accuracy 61.23%  test loss 1.0893  41 s  1,220
/// samples/s", with what other metrics there are behind the loss; then, only where it happened, the
/// time spent waiting for data and the steps skipped.
[[nodiscard]] inline std::string line_of(const EpochEnd& event) {
  const EpochRecord& record = event.record;
  std::string line = "epoch " + epoch_of(record.epoch, event.epochs) + "  train loss " +
                     (record.train_loss ? metric_text(*record.train_loss) : "none");
  if (const auto accuracy = record.test ? record.test->accuracy() : std::nullopt)
    line += "  test accuracy " + percent(*accuracy, 2);
  if (record.test && record.test->loss) line += "  test loss " + metric_text(*record.test->loss);
  for (const auto& metric : metrics_of(record)) line += "  test " + metric;
  line += "  " + duration(record.train_seconds);
  if (record.train_seconds > 0)
    line += "  " + rate(static_cast<double>(record.samples) / record.train_seconds) + " samples/s";
  if (record.waiting_seconds >= 0.01 * record.train_seconds && record.waiting_seconds > 0)
    line += "  waited " + duration(record.waiting_seconds) + " for data";
  if (record.skipped_steps > 0) line += "  skipped " + counted(record.skipped_steps, "step");
  return line;
}

/// Why the run ended before its last step, as a clause; empty if it did not.
[[nodiscard]] inline std::string why_ended(const History& history) {
  switch (history.end) {
    case RunEnd::limit:
      return "stop_after_steps was reached";
    case RunEnd::interrupted:
      return "an end was asked for, by a signal or by stop_after_seconds";
    case RunEnd::out_of_data:
      return "the data ended before the last step";
    case RunEnd::whole:
    case RunEnd::unfinished:
      break;
  }
  return history.stopped_early ? "the stopping policy ended it before the last step" : "";
}

/// "done: 5 epochs, 3 min 25 s of training, test accuracy 73.42%, at most 3.4 GiB of memory", and
/// behind a semicolon why the run ended, where that was before its last step; or "stopped after 2
/// whole epochs; an end was asked for, by a signal or by stop_after_seconds".
[[nodiscard]] inline std::string line_of(const FitEnd& event) {
  if (event.history == nullptr) return "done: no epoch trained";
  const auto& epochs = event.history->epochs;
  const auto count = static_cast<std::int64_t>(epochs.size());
  const auto why = why_ended(*event.history);
  const auto end = why.empty() ? "" : "; " + why;
  if (event.history->end == RunEnd::interrupted)
    return "stopped after " + counted(count, "whole epoch") + end;
  if (epochs.empty()) return "done: no epoch trained" + end;
  double seconds = 0;
  std::int64_t most = 0;
  for (const EpochRecord& epoch : epochs) {
    seconds += epoch.train_seconds;
    most = std::max(most, epoch.peak_memory);
  }
  std::string line = "done: " + counted(count, "epoch") + ", " + duration(seconds) + " of training";
  const auto& test = epochs.back().test;
  if (const auto accuracy = test ? test->accuracy() : std::nullopt)
    line += ", test accuracy " + percent(*accuracy, 2);
  for (const auto& metric : metrics_of(epochs.back())) line += ", test " + metric;
  if (most > 0) line += ", at most " + memory(most) + " of memory";
  return line + end;
}

}  // namespace gradus::observe
