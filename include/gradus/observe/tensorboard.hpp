/// A run as TensorBoard shows it.
#pragma once

#include <gradus/core/events.hpp>
#include <gradus/core/parameters.hpp>
#include <gradus/files/protobuf.hpp>
#include <gradus/files/record_file.hpp>
#include <gradus/observe/summaries.hpp>

#include <chrono>
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
  /// Steps between two histograms of the gradients of `weights`, as the optimizer was given them:
  /// unscaled, and clipped. 0: none. Each waits for the device.
  std::int64_t gradients_every = 0;
  std::int64_t buckets = 30;    ///< of a histogram
  std::string configuration{};  ///< a text, as JSON
};

/// Observer that appends to `folder`/events.out.tfevents.gradus: training loss, gradient norm,
/// learning rate and samples a second at each reading, loss, accuracy and metrics of the held-out
/// set after each epoch, all over optimizer steps. Name the file in `CheckpointPlan::files`, and a
/// resumed run continues at its checkpoint: curves have no step twice.
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
    step_ = gradients_step_ = event.steps_done;
    last_samples_ = 0;
    if (!file_.is_empty()) return;
    ProtobufMessage first;
    first.number(1, seconds_now());
    first.text(3, "brain.Event:2");
    file_.append(first.bytes());
    if (!plan_.configuration.empty()) {
      add_text("configuration", "```json\n" + plan_.configuration + "\n```");
    }
  }

  void on(const StepEnd& event) {
    step_ = event.step;
    add_gradients();
    if (!event.train_loss) return;
    ProtobufMessage summary;
    add_scalar(summary, "train/loss", *event.train_loss);
    if (event.gradient_norm) add_scalar(summary, "train/gradient_norm", *event.gradient_norm);
    add_scalar(summary, "train/learning_rate", event.learning_rate);
    const double seconds = event.train_seconds - last_seconds_;
    const auto samples = static_cast<double>(event.samples - last_samples_);
    if (last_samples_ > 0 && seconds > 0)
      add_scalar(summary, "train/samples_per_second", samples / seconds);
    last_seconds_ = event.train_seconds;
    last_samples_ = event.samples;
    append(summary);
  }

  void on(const EpochEnd& event) {
    const auto& record = event.record;
    ProtobufMessage summary;
    if (record.train_loss) add_scalar(summary, "epoch/train_loss", *record.train_loss);
    add_scalar(summary, "epoch/waiting_seconds", record.waiting_seconds);
    if (record.peak_memory > 0)
      add_scalar(summary, "epoch/peak_memory_bytes", static_cast<double>(record.peak_memory));
    add_scalar(summary, "epoch/skipped_steps", static_cast<double>(record.skipped_steps));
    if (record.test) {
      if (record.test->loss) add_scalar(summary, "test/loss", *record.test->loss);
      if (const auto accuracy = record.test->accuracy())
        add_scalar(summary, "test/accuracy", *accuracy);
      for (const auto& metric : record.test->metrics) {
        if (metric.value) add_scalar(summary, "test/" + metric.label, *metric.value);
      }
    }
    for (const auto& [name, weight] : plan_.weights)
      add_histogram(summary, "weights/" + name, weight, plan_.buckets);
    append(summary);
  }

  /// Adds a text, which is Markdown, at the last step of the run.
  void add_text(const std::string& tag, const std::string& markdown) {
    ProtobufMessage summary;
    add_strings(summary, tag, "text", {markdown});
    append(summary);
  }
  /// Adds images [N, C, H, W] uint8, grey by 1 channel or coloured by 3, at the last step of the
  /// run. Throws DataError for a tensor of another form.
  void add_images(const std::string& tag, const at::Tensor& images) {
    ProtobufMessage summary;
    observe::add_images(summary, tag, images);
    append(summary);
  }

 private:
  static double seconds_now() {
    return std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch())
        .count();
  }

  /// A step that was skipped is no step of its own: those after it have the number.
  void add_gradients() {
    const auto every = plan_.gradients_every;
    if (every <= 0 || step_ / every <= gradients_step_ / every) return;
    gradients_step_ = step_;
    ProtobufMessage summary;
    for (const auto& [name, weight] : plan_.weights) {
      if (!weight.grad().defined()) continue;
      add_histogram(summary, "gradients/" + name, weight.grad(), plan_.buckets);
    }
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
  std::int64_t gradients_step_ = 0;  ///< of the last histograms of gradients
  double last_seconds_ = 0;
};

}  // namespace gradus::observe
