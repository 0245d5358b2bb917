/// The figures of a run as they come, for programs to read: metrics.jsonl.
#pragma once

#include <gradus/core/events.hpp>
#include <gradus/error.hpp>
#include <gradus/files/write_file.hpp>
#include <gradus/settings/dump.hpp>

#include <nlohmann/json.hpp>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <ios>
#include <string>
#include <utility>

namespace gradus::observe {

/// Observer that appends one JSON object per line: `"event": "step"` once per log interval, and
/// `"event": "epoch"` after each epoch. A step that the guard warns of has a `"warning"`. A line is
/// handed to the system whole as soon as it is known. A figure that is not there, or not finite, is
/// null. A metric is "test_" and its label; figures of its classes are "test_..._values". A run
/// that resumes continues the same file, which `Checkpoints` cuts to what the run knows
/// (`CheckpointPlan::files`).
class MetricsFile {
 public:
  /// Opens `path` for appending; missing folders are made. Throws ResourceError.
  explicit MetricsFile(std::filesystem::path path) : path_(std::move(path)) {
    make_folder(path_.parent_path());
    const bool broken = ends_inside_a_line();
    errno = 0;
    stream_.open(path_, std::ios::app | std::ios::binary);
    if (!stream_) refuse(std::strerror(errno));
    if (broken) write("\n");
  }

  void on(const StepEnd& event) {
    if (!event.train_loss) return;
    nlohmann::ordered_json line = {{"event", "step"},
                                   {"epoch", event.epoch},
                                   {"step", event.step},
                                   {"total_steps", event.total_steps},
                                   {"samples", event.samples},
                                   {"train_loss", *event.train_loss},
                                   {"gradient_norm", or_null(event.gradient_norm)},
                                   {"learning_rate", event.learning_rate},
                                   {"train_seconds", event.train_seconds}};
    if (!event.warning.empty()) line["warning"] = event.warning;
    append(line);
  }

  void on(const EpochEnd& event) {
    const EpochRecord& record = event.record;
    nlohmann::ordered_json line = {
        {"event", "epoch"},
        {"epoch", record.epoch},
        {"epochs",
         event.epochs > 0 ? nlohmann::ordered_json(event.epochs) : nlohmann::ordered_json()},
        {"train_loss", or_null(record.train_loss)},
        {"test_loss", nullptr},
        {"test_accuracy", nullptr},
        {"test_samples", nullptr},
        {"train_seconds", record.train_seconds},
        {"waiting_seconds", record.waiting_seconds},
        {"samples", record.samples},
        {"optimizer_steps", record.optimizer_steps},
        {"skipped_steps", record.skipped_steps},
        {"flops", record.flops},
        {"peak_memory", nullptr},
        {"learning_rate", event.learning_rate}};
    if (record.peak_memory > 0) line["peak_memory"] = record.peak_memory;
    if (record.test) {
      line["test_loss"] = or_null(record.test->loss);
      line["test_accuracy"] = or_null(record.test->accuracy());
      line["test_samples"] = record.test->samples;
      for (const auto& metric : record.test->metrics) {
        line["test_" + metric.label] = or_null(metric.value);
        if (metric.values.empty()) continue;
        auto& values = line["test_" + metric.label + "_values"];
        for (const double value : metric.values) values.push_back(or_null(value));
      }
    }
    append(line);
  }

  [[nodiscard]] const std::filesystem::path& path() const { return path_; }

 private:
  void append(const nlohmann::ordered_json& line) { write(dump(line) + "\n"); }

  void write(const std::string& text) {
    errno = 0;
    if (!(stream_ << text << std::flush)) refuse(std::strerror(errno));
  }

  /// A run that was killed in the middle of a line must not spoil the next one.
  [[nodiscard]] bool ends_inside_a_line() const {
    std::ifstream before(path_, std::ios::ate | std::ios::binary);
    if (!before || before.tellg() <= 0) return false;
    before.seekg(-1, std::ios::end);
    return before.get() != '\n';
  }

  [[noreturn]] void refuse(const std::string& cause) const {
    throw ResourceError("Cannot write the metrics to " + path_.string() + ": " + cause +
                        "; give a folder that can be written to and has space left.");
  }

  std::filesystem::path path_;
  std::ofstream stream_;
};

}  // namespace gradus::observe
