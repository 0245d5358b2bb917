/// How far a run has come.
#pragma once

#include <gradus/core/events.hpp>
#include <gradus/core/state_dict.hpp>

#include <array>
#include <cstdint>
#include <optional>
#include <utility>

namespace gradus {

/// The position of a run: epoch, window, steps and samples. Saved with the run.
struct RunProgress {
  std::int64_t epoch = 0;   ///< that runs, from 0
  std::int64_t window = 0;  ///< of the epoch, the next one
  /// Optimizer steps taken in this run; those skipped on the device are taken off at readings.
  std::int64_t steps = 0;
  std::int64_t windows = 0;  ///< begun in this run, skipped ones counted: the next one's number
  std::int64_t samples = 0;  ///< trained on in this run
  std::int64_t windows_since_reading = 0;
  std::int64_t epoch_steps = 0;    ///< taken in this epoch
  std::int64_t epoch_skipped = 0;  ///< in this epoch
  double epoch_flops = 0;          ///< of training in this epoch, as FlopMeter counts
  std::int64_t ended = 0;          ///< 1: the stopping policy has ended the run
  std::int64_t planned_steps = 0;  ///< per epoch
  std::int64_t planned_total = 0;  ///< of a run whose length is given in steps; else 0
  std::int64_t planned_pass = 0;   ///< per pass over the data

  /// So many windows were counted as steps, but were skipped.
  void take_off(std::int64_t skipped) {
    steps -= skipped;
    epoch_steps -= skipped;
    epoch_skipped += skipped;
  }

  /// Whether as many steps are taken as a limit allows, if there is one.
  [[nodiscard]] bool reached(const std::optional<std::int64_t>& limit) const {
    return limit && steps >= *limit;
  }

  /// The step that was taken last, without what is read of it.
  [[nodiscard]] StepEnd step_end(std::int64_t total_steps, double learning_rate,
                                 double train_seconds) const {
    return {.epoch = epoch + 1,
            .step = steps,
            .total_steps = total_steps,
            .samples = samples,
            .learning_rate = learning_rate,
            .train_seconds = train_seconds,
            .train_loss = {},
            .warning = {}};
  }

  void end_epoch() {
    ++epoch;
    window = epoch_steps = epoch_skipped = 0;
    epoch_flops = 0;
  }

  void save(StateDict& to) const {
    for (const auto& [name, member] : numbers) to.put(name, this->*member);
    to.put("epoch_flops", epoch_flops);
  }
  void load(const StateDict& from) {
    for (const auto& [name, member] : numbers) this->*member = from.number(name);
    epoch_flops = from.real("epoch_flops");
  }

 private:
  using Number = std::pair<const char*, std::int64_t RunProgress::*>;
  static const std::array<Number, 12> numbers;
};

inline const std::array<RunProgress::Number, 12> RunProgress::numbers{{
    {"epoch", &RunProgress::epoch},
    {"window", &RunProgress::window},
    {"steps", &RunProgress::steps},
    {"windows", &RunProgress::windows},
    {"samples", &RunProgress::samples},
    {"windows_since_reading", &RunProgress::windows_since_reading},
    {"epoch_steps", &RunProgress::epoch_steps},
    {"epoch_skipped", &RunProgress::epoch_skipped},
    {"ended", &RunProgress::ended},
    {"planned_steps", &RunProgress::planned_steps},
    {"planned_total", &RunProgress::planned_total},
    {"planned_pass", &RunProgress::planned_pass},
}};

}  // namespace gradus
