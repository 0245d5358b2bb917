/// Runs side by side: what each of them did, what follows from it, and the whole as
/// comparison.json.
#pragma once

#include <gradus/core/history.hpp>

#include <nlohmann/json.hpp>

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace gradus::observe {

/// The configuration that the others are measured against.
inline constexpr std::string_view baseline_name = "unoptimized";

/// Whether a record is whole.
enum class RunState {
  over,
  trains,  ///< more epochs come
  failed   ///< an error has ended it
};

/// One configuration, trained once.
struct RunRecord {
  std::string name{};
  std::string device{};            ///< such as "cpu" or "cuda:0"
  std::string precision{};         ///< what was chosen, such as "float32"
  std::int64_t width = 0;          ///< base channels of the network
  std::int64_t parameters = 0;     ///< shared ones counted once
  std::int64_t train_samples = 0;  ///< in the training set
  std::int64_t test_samples = 0;
  std::int64_t batch_size = 0;        ///< samples per micro-batch
  std::int64_t samples_per_step = 0;  ///< samples per optimizer step
  std::uint64_t seed = 0;
  std::int64_t threads = 0;
  double product_rate = 0;  ///< of this device in this precision, operations a second; 0: unknown
  std::vector<EpochRecord> epochs{};
  /// Resolved: {"name", "model", "policies": {axis: {...}}, "run"}, in the order to be shown.
  nlohmann::ordered_json configuration{};
  std::vector<std::string> log{};   ///< the log lines of the run
  std::int64_t planned_epochs = 0;  ///< 0: not known
  RunEnd end = RunEnd::whole;       ///< of a run that is over
  bool stopped_early = false;       ///< as History has it; also found by `planned_epochs`
  RunState state = RunState::over;
  std::optional<double> seconds_left{};  ///< of a run that trains, as estimated

  /// Fraction, of the last epoch; none if that was not tested.
  [[nodiscard]] std::optional<double> test_accuracy() const {
    if (epochs.empty() || !epochs.back().test) return std::nullopt;
    return epochs.back().test->accuracy();
  }

  /// Of all epochs, evaluation not counted.
  [[nodiscard]] double train_seconds() const {
    double sum = 0;
    for (const EpochRecord& epoch : epochs) sum += epoch.train_seconds;
    return sum;
  }

  /// Part of train_seconds spent waiting for data.
  [[nodiscard]] double waiting_seconds() const {
    double sum = 0;
    for (const EpochRecord& epoch : epochs) sum += epoch.waiting_seconds;
    return sum;
  }

  /// Training samples per second of train_seconds; none if no time was measured.
  [[nodiscard]] std::optional<double> images_per_second() const {
    std::int64_t samples = 0;
    for (const EpochRecord& epoch : epochs) samples += epoch.samples;
    const double seconds = train_seconds();
    if (!(seconds > 0)) return std::nullopt;
    return static_cast<double>(samples) / seconds;
  }

  /// Floating-point operations of all training, as EpochRecord has them.
  [[nodiscard]] double flops() const {
    double sum = 0;
    for (const EpochRecord& epoch : epochs) sum += epoch.flops;
    return sum;
  }

  /// `flops` a second of train_seconds, as a fraction of `product_rate`; none if one is unknown.
  /// Above 1 where algorithms save what is counted.
  [[nodiscard]] std::optional<double> utilization() const {
    const double could = product_rate * train_seconds();
    if (!(could > 0) || !(flops() > 0)) return std::nullopt;
    return flops() / could;
  }

  /// Bytes, the most of all epochs, as EpochRecord has them; 0: unknown.
  [[nodiscard]] std::int64_t peak_memory() const {
    std::int64_t most = 0;
    for (const EpochRecord& epoch : epochs) most = std::max(most, epoch.peak_memory);
    return most;
  }

  /// Skipped ones not counted.
  [[nodiscard]] std::int64_t optimizer_steps() const {
    std::int64_t sum = 0;
    for (const EpochRecord& epoch : epochs) sum += epoch.optimizer_steps;
    return sum;
  }

  [[nodiscard]] std::int64_t skipped_steps() const {
    std::int64_t sum = 0;
    for (const EpochRecord& epoch : epochs) sum += epoch.skipped_steps;
    return sum;
  }

  /// Training seconds to the end of the first epoch that tested at `accuracy` or better; none if
  /// none did. As fine as epochs are.
  [[nodiscard]] std::optional<double> seconds_to(double accuracy) const {
    double seconds = 0;
    for (const EpochRecord& epoch : epochs) {
      seconds += epoch.train_seconds;
      if (epoch.test && epoch.test->accuracy() >= std::optional(accuracy)) return seconds;
    }
    return std::nullopt;
  }
};

/// The runs of one comparison, in the order they ran. Runs of one name are one configuration,
/// trained with several seeds.
struct Comparison {
  std::vector<RunRecord> runs{};
  nlohmann::ordered_json environment{};  ///< versions, processor, device, commit, data, command
  std::vector<std::string> notes{};      ///< what was reduced, and why: one sentence each
  std::vector<std::string> waiting{};    ///< the runs that have not begun yet, by name

  /// The first run named `baseline_name`, or null.
  [[nodiscard]] const RunRecord* baseline() const {
    for (const RunRecord& run : runs)
      if (run.name == baseline_name) return &run;
    return nullptr;
  }

  /// What `run` is compared with: the baseline's run of its seed, else the first; null without one.
  [[nodiscard]] const RunRecord* baseline_of(const RunRecord& run) const {
    for (const RunRecord& base : runs)
      if (base.name == baseline_name && base.seed == run.seed) return &base;
    return baseline();
  }

  /// Whether more is to come: a run trains, or waits for its turn. After an error nothing comes.
  [[nodiscard]] bool is_unfinished() const {
    const auto is = [&](RunState state) {
      return std::ranges::any_of(runs, [=](const RunRecord& run) { return run.state == state; });
    };
    return is(RunState::trains) || (!waiting.empty() && !is(RunState::failed));
  }

  /// How many times less training time `run` took than the baseline; none without a baseline, and
  /// while one of them trains.
  [[nodiscard]] std::optional<double> speedup(const RunRecord& run) const {
    const RunRecord* base = baseline_of(run);
    const double seconds = run.train_seconds();
    if (base == nullptr || !(seconds > 0) || trains(*base) || trains(run)) return std::nullopt;
    return base->train_seconds() / seconds;
  }

  /// Training seconds until `run` scored what the baseline scored in the end; none if it never did,
  /// and while the baseline trains.
  [[nodiscard]] std::optional<double> seconds_to_baseline_accuracy(const RunRecord& run) const {
    const RunRecord* base = baseline_of(run);
    if (base == nullptr || !base->test_accuracy() || trains(*base)) return std::nullopt;
    return run.seconds_to(*base->test_accuracy());
  }

  /// The baseline's train_seconds over seconds_to_baseline_accuracy; none where that is none. The
  /// baseline's own is above 1 if an earlier epoch of it scored as much as its last.
  [[nodiscard]] std::optional<double> time_to_baseline_accuracy(const RunRecord& run) const {
    const auto seconds = seconds_to_baseline_accuracy(run);
    if (!seconds || !(*seconds > 0)) return std::nullopt;
    return baseline_of(run)->train_seconds() / *seconds;
  }

 private:
  static bool trains(const RunRecord& run) { return run.state == RunState::trains; }
};

}  // namespace gradus::observe
