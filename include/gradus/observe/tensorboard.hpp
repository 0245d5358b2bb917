/// A run as TensorBoard shows it.
#pragma once

#include <gradus/core/events.hpp>
#include <gradus/core/memory_form.hpp>
#include <gradus/core/parameters.hpp>
#include <gradus/files/protobuf.hpp>
#include <gradus/files/record_file.hpp>

#include <ATen/ops/histc.h>

#include <chrono>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace gradus::observe {

/// What is written beside scalars.
struct TensorBoardPlan {
  std::vector<NamedTensor> weights{};  ///< histograms after each epoch: trainer.parameters()
  std::int64_t buckets = 30;           ///< of a histogram
  std::string configuration{};         ///< a text, as JSON
};

/// Observer that appends to `folder`/events.out.tfevents.gradus: training loss, learning rate and
/// samples a second at each reading, loss, accuracy and metrics of the held-out set after each
/// epoch, all over optimizer steps. Name the file in `CheckpointPlan::files`, and a resumed run
/// continues at its checkpoint: curves have no step twice.
///
///     observe::TensorBoard board("runs/1", {.weights = trainer.parameters()});
///     trainer.fit(train, test, board);        // tensorboard --logdir runs
class TensorBoard {
 public:
  /// Throws ResourceError.
  explicit TensorBoard(const std::filesystem::path& folder, TensorBoardPlan plan = {})
      : plan_(std::move(plan)), file_(path_in(folder)) {}

  /// The file that is written in a folder.
  [[nodiscard]] static std::filesystem::path path_in(const std::filesystem::path& folder) {
    return folder / "events.out.tfevents.gradus";
  }
  [[nodiscard]] const std::filesystem::path& path() const { return file_.path(); }

  void on(const FitBegin& event) {
    step_ = event.steps_done;
    last_samples_ = 0;
    if (!file_.is_empty()) return;
    ProtobufMessage first;
    first.number(1, seconds_now());
    first.text(3, "brain.Event:2");
    file_.append(first.bytes());
    if (!plan_.configuration.empty()) add_text("configuration", plan_.configuration);
  }

  void on(const StepEnd& event) {
    step_ = event.step;
    if (!event.train_loss) return;
    ProtobufMessage summary;
    add(summary, "train/loss", *event.train_loss);
    if (event.gradient_norm) add(summary, "train/gradient_norm", *event.gradient_norm);
    add(summary, "train/learning_rate", event.learning_rate);
    const double seconds = event.train_seconds - last_seconds_;
    const auto samples = static_cast<double>(event.samples - last_samples_);
    if (last_samples_ > 0 && seconds > 0)
      add(summary, "train/samples_per_second", samples / seconds);
    last_seconds_ = event.train_seconds;
    last_samples_ = event.samples;
    append(summary);
  }

  void on(const EpochEnd& event) {
    const auto& record = event.record;
    ProtobufMessage summary;
    if (record.train_loss) add(summary, "epoch/train_loss", *record.train_loss);
    add(summary, "epoch/waiting_seconds", record.waiting_seconds);
    if (record.peak_memory > 0)
      add(summary, "epoch/peak_memory_bytes", static_cast<double>(record.peak_memory));
    add(summary, "epoch/skipped_steps", static_cast<double>(record.skipped_steps));
    if (record.test) {
      if (record.test->loss) add(summary, "test/loss", *record.test->loss);
      if (const auto accuracy = record.test->accuracy()) add(summary, "test/accuracy", *accuracy);
      for (const auto& metric : record.test->metrics) {
        if (metric.value) add(summary, "test/" + metric.label, *metric.value);
      }
    }
    for (const auto& [name, weight] : plan_.weights)
      add_histogram(summary, "weights/" + name, weight);
    append(summary);
  }

 private:
  static double seconds_now() {
    return std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch())
        .count();
  }

  static void add(ProtobufMessage& summary, const std::string& tag, double value) {
    ProtobufMessage entry;
    entry.text(1, tag);
    entry.number(2, static_cast<float>(value));
    summary.message(1, entry);
  }

  /// Of the finite values of `weight`; nothing if there are none.
  void add_histogram(ProtobufMessage& summary, const std::string& tag,
                     const at::Tensor& weight) const {
    auto values = real_parts(weight.detach()).flatten().to(at::kCPU, at::kDouble);
    values = values.masked_select(values.isfinite());
    if (values.numel() == 0) return;
    const double least = values.min().item<double>(), most = values.max().item<double>();
    const double width = least < most ? (most - least) / static_cast<double>(plan_.buckets) : 0;
    const auto counts = at::histc(values, plan_.buckets, least, most);
    std::vector<double> ends, found;
    for (std::int64_t k = 0; k < plan_.buckets; ++k) {
      ends.push_back(width > 0 ? least + width * static_cast<double>(k + 1)
                               : least + static_cast<double>(k));
      found.push_back(width > 0 ? counts[k].item<double>() : 0);
    }
    if (width == 0) found.front() = static_cast<double>(values.numel());
    ProtobufMessage histogram, entry;
    histogram.number(1, least);
    histogram.number(2, most);
    histogram.number(3, static_cast<double>(values.numel()));
    histogram.number(4, values.sum().item<double>());
    histogram.number(5, values.square().sum().item<double>());
    histogram.numbers(6, ends);
    histogram.numbers(7, found);
    entry.text(1, tag);
    entry.message(5, histogram);
    summary.message(1, entry);
  }

  /// As Markdown, in which it is code.
  void add_text(const std::string& tag, const std::string& json) {
    constexpr std::int64_t of_text = 7;  // DT_STRING
    ProtobufMessage side, shape, tensor, plugin, metadata, entry, summary;
    side.integer(1, 1);
    shape.message(2, side);
    tensor.integer(1, of_text);
    tensor.message(2, shape);
    tensor.text(8, "```json\n" + json + "\n```");
    plugin.text(1, "text");
    metadata.message(1, plugin);
    entry.text(1, tag);
    entry.message(8, tensor);
    entry.message(9, metadata);
    summary.message(1, entry);
    append(summary);
  }

  void append(const ProtobufMessage& summary) {
    ProtobufMessage event;
    event.number(1, seconds_now());
    event.integer(2, step_);
    event.message(5, summary);
    file_.append(event.bytes());
  }

  TensorBoardPlan plan_;
  RecordFile file_;
  std::int64_t step_ = 0, last_samples_ = 0;
  double last_seconds_ = 0;
};

}  // namespace gradus::observe
