/// Which data a run has seen.
#pragma once

#include <gradus/core/state_dict.hpp>
#include <gradus/core/step_plan.hpp>
#include <gradus/data/dataset.hpp>
#include <gradus/data/stream.hpp>
#include <gradus/train/run/run_progress.hpp>

#include <cstdint>
#include <string>

namespace gradus {

/// The fingerprint of a dataset: a saved run is resumed only with the data that it was trained on.
struct DataMark {
  std::int64_t samples = 0;
  std::int64_t fingerprint = 0;  ///< 0 where the dataset has none

  friend bool operator==(const DataMark&, const DataMark&) = default;

  void save(StateDict& to) const {
    to.put("samples", samples);
    to.put("fingerprint", fingerprint);
  }
  static DataMark saved(const StateDict& from) {
    return {.samples = from.number("samples"), .fingerprint = from.number("fingerprint")};
  }
};

template <data::Dataset D>
[[nodiscard]] DataMark mark_of(const D& dataset) {
  DataMark mark{.samples = dataset.size()};
  if constexpr (data::FingerprintedDataset<D>) {
    mark.fingerprint = static_cast<std::uint32_t>(dataset.fingerprint());
  }
  return mark;
}

/// A stream cannot be told from another one.
template <data::Stream S>
[[nodiscard]] DataMark mark_of(const S&) {
  return {};
}

/// The fingerprints of a run's training set and held-out set.
struct DataMarks {
  DataMark train;
  DataMark held_out;  ///< of no samples where there is no such set

  void save(StateDict& to) const {
    to.put_under("train", [&](StateDict& part) { train.save(part); });
    to.put_under("held_out", [&](StateDict& part) { held_out.save(part); });
  }
  static DataMarks saved(const StateDict& from) {
    return {.train = DataMark::saved(from.part("train")),
            .held_out = DataMark::saved(from.part("held_out"))};
  }
};

/// Throws OtherDataError if a run that has seen `before` would resume with `now`.
inline void check_same_data(const DataMarks& before, const DataMarks& now) {
  const auto check = [](const char* used, const DataMark& then, const DataMark& given) {
    if (then == given) return;
    const auto what = [](const DataMark& mark) {
      return std::to_string(mark.samples) + " samples (fingerprint " +
             std::to_string(mark.fingerprint) + ")";
    };
    throw OtherDataError(
        "the run was " + (used + (" on other data: " + what(then))) + " before, " + what(given) +
        " now; give it the data that it had, or set RunSettings::allow_other_data.");
  };
  check("trained", before.train, now.train);
  check("evaluated", before.held_out, now.held_out);
}

/// Throws CheckpointError for a run of another length, in steps, than it was begun with.
inline void check_plan(const RunProgress& begun, const StepPlan& now) {
  const auto total = now.max_steps.value_or(0);
  if (begun.planned_steps == now.steps() && begun.planned_total == total &&
      begun.planned_pass == now.pass_steps()) {
    return;
  }
  const auto said = [](std::int64_t steps, std::int64_t pass, std::int64_t most) {
    return std::to_string(steps) + " optimizer steps an epoch" +
           (pass != steps ? ", " + std::to_string(pass) + " a pass over the data" : "") +
           (most > 0 ? " and " + std::to_string(most) + " in all" : "");
  };
  throw CheckpointError("the run was begun with " +
                        said(begun.planned_steps, begun.planned_pass, begun.planned_total) +
                        ", but would resume with " + said(now.steps(), now.pass_steps(), total) +
                        "; give it the batches and the max_steps that it had.");
}

/// Throws CheckpointError if the run of `trainer` that has seen `before` cannot resume with `now`:
/// other data must be allowed by the run, and gives as many steps.
template <class T>
void check_data(const T& trainer, const DataMarks& before, const DataMarks& now) {
  if (!trainer.run().allow_other_data) check_same_data(before, now);
  const auto then = trainer.plan(before.train.samples).pass_steps();
  const auto steps = trainer.plan(now.train.samples).pass_steps();
  if (then == steps) return;
  throw CheckpointError("the run has " + std::to_string(then) + " optimizer steps a pass over " +
                        std::to_string(before.train.samples) + " samples, but would have " +
                        std::to_string(steps) + " over the " + std::to_string(now.train.samples) +
                        " that are given; give it as many, or start a new run from its weights.");
}

}  // namespace gradus
