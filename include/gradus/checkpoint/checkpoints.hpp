/// A run that can be ended at any time and resumes bit for bit: an observer that saves it, and what
/// loads it again.
#pragma once

#include <gradus/checkpoint/background_saver.hpp>
#include <gradus/checkpoint/checkpoint_folder.hpp>
#include <gradus/checkpoint/checkpoint_plan.hpp>
#include <gradus/checkpoint/found_by_first.hpp>
#include <gradus/checkpoint/grown_files.hpp>
#include <gradus/checkpoint/run_file.hpp>
#include <gradus/checkpoint/run_manifest.hpp>
#include <gradus/checkpoint/weights.hpp>
#include <gradus/compose/policy_members.hpp>
#include <gradus/core/events.hpp>
#include <gradus/core/monitor.hpp>
#include <gradus/data/dataset.hpp>
#include <gradus/data/stream.hpp>
#include <gradus/error.hpp>
#include <gradus/train/run/data_mark.hpp>
#include <gradus/train/run/ranks.hpp>
#include <gradus/train/run/run_configuration.hpp>
#include <gradus/version.hpp>

#include <chrono>
#include <cstdint>
#include <exception>
#include <filesystem>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace gradus {

/// Of a trainer `T`. Write
///
///     Checkpoints checkpoints(trainer, "runs/a/checkpoints");
///     checkpoints.resume(train, test);
///     trainer.fit(train, test, checkpoints);
///
/// and start it again until the run is done. Pass it after the observers whose files are in
/// `CheckpointPlan::files`. The copy of the state is made between two steps; checks, checksums and
/// writing run beside the training.
template <class T>
class Checkpoints {
 public:
  /// Holds the folder for this process, if it is the first of the run's. The trainer must outlive
  /// it. `facts` are kept in every checkpoint, beside those of gradus. What is not finite in the
  /// model by now may stay so. Throws ConfigurationError for the plan, CheckpointError for a
  /// parameter or buffer of a type that cannot be saved, ResourceError if the folder is in use or
  /// cannot be written.
  explicit Checkpoints(T& trainer, std::filesystem::path folder, CheckpointPlan plan = {},
                       nlohmann::ordered_json facts = nlohmann::ordered_json::object()) try
      : trainer_(&trainer),
        plan_(checked(plan)),
        facts_(std::move(facts)),
        files_(plan_.files),
        is_first_(trainer.share().rank == 0),
        folder_(std::move(folder), is_first_, plan_.best),
        finite_(*trainer.model()),
        saver_(folder_, plan_, files_, finite_) {
    check_savable(named_state(*trainer.model()));
    if (const auto policy = unknown_member_policy(trainer.policies()); !policy.empty()) {
      announce(policy + "; so checkpoints of this run can be evaluated, but not resumed.");
    }
    if (is_first_) folder_.remember_begin(files_.lengths());
  } catch (const std::exception& error) {
    leave(trainer.ranks(), error);  // and is thrown on
  }
  Checkpoints(const Checkpoints&) = delete;
  Checkpoints& operator=(const Checkpoints&) = delete;

  /// Loads the newest whole checkpoint, so that the next `fit` over `train` and `test` resumes
  /// from it, and returns its manifest; nothing, and a fresh start, if there is none. Checkpoints
  /// that are damaged are announced and set aside. Throws CheckpointError, with nothing changed, if
  /// none is whole, or the newest is of another configuration, other data or a newer gradus;
  /// NumericError for weights that are not finite.
  template <data::TrainingData Train, data::Dataset Test>
  std::optional<nlohmann::ordered_json> resume(const Train& train, const Test& test) {
    return resume_from([&] { return DataMarks{mark_of(train), mark_of(test)}; });
  }

  /// Likewise without a held-out set.
  template <data::TrainingData Train>
  std::optional<nlohmann::ordered_json> resume(const Train& train) {
    return resume_from([&] { return DataMarks{mark_of(train), {}}; });
  }

  void on(const FitBegin& event) {
    if (plan_.keep_best) check_monitor("the best checkpoint", plan_.best, event.measured);
    if (!std::exchange(resumed_, false) && !folder_.steps().empty()) {
      throw ConfigurationError("the folder " + folder_.path().string() +
                               " holds checkpoints of another run; resume that one, or name a new "
                               "folder.");
    }
    stopped_ = owed_ = false;
    step_ = event.steps_done;
    last_save_ = Clock::now();
  }

  void on(const StepEnd& event) {
    const bool stepped = std::exchange(step_, event.step) < event.step;
    const bool by_steps = plan_.every_steps > 0 && event.step % plan_.every_steps == 0;
    const std::chrono::duration<double> since_save = Clock::now() - last_save_;
    const bool by_time = plan_.every_seconds > 0 && since_save.count() >= plan_.every_seconds;
    owed_ = owed_ || (stepped && by_steps) || by_time;
    if (!saver_.busy() && owed_) save(std::nullopt);
  }

  void on(const EpochEnd& event) {
    // Of an epoch that was cut short, `FitStop` has saved what can resume.
    if (stopped_ || plan_.every_epochs == 0 || event.record.epoch % plan_.every_epochs != 0) return;
    saver_.finish();
    std::optional<double> figure;
    if (plan_.keep_best) figure = monitored_value(plan_.best, event.record);
    save(figure);
  }

  void on(const FitStop&) {
    stopped_ = true;
    saver_.finish();
    save(std::nullopt);
    saver_.finish();
  }

  void on(const FitEnd&) { saver_.finish(); }

  [[nodiscard]] const std::filesystem::path& folder() const { return folder_.path(); }
  /// Whether the last save that has ended went well.
  [[nodiscard]] bool saved() const { return saver_.saved(); }

 private:
  using Clock = std::chrono::steady_clock;

  template <class Marks>
  std::optional<nlohmann::ordered_json> resume_from(const Marks& marks) try {
    const DataMarks data = marks();
    auto run = found_by_first(trainer_->ranks(), [&] { return found(data); });
    if (run) trainer_->load_state(run->state);
    resumed_ = run.has_value();
    if (is_first_) {
      if (run) set_aside_damaged();
      files_.cut_to(run ? run->manifest.value("files", nlohmann::ordered_json()) : folder_.begin(),
                    plan_.announce);
    }
    return run ? std::optional(std::move(run->manifest)) : std::nullopt;
  } catch (const std::exception& error) {
    leave(trainer_->ranks(), error);
    throw;
  }

  /// The newest whole checkpoint, if there is one, and it is of this run.
  [[nodiscard]] std::optional<RunFile> found(const DataMarks& data) {
    try {
      saver_.finish();  // of a `fit` that an exception has ended
    } catch (const std::exception& error) {
      announce(error.what());
    }
    auto run = newest();
    if (!run) return run;
    if (const auto policy = unknown_member_policy(trainer_->policies()); !policy.empty()) {
      throw CheckpointError("the run cannot be resumed: " + policy +
                            "; declare it as a field, give the policy `std::uint64_t fingerprint() "
                            "const`, or start a new run from the weights.");
    }
    refuse_differences(run->manifest.value("configuration", nlohmann::ordered_json::object()),
                       run_configuration(*trainer_), unset_configuration(*trainer_));
    const auto before = DataMarks::saved(run->state.part("data"));
    check_data(*trainer_, before, data);
    if (before.held_out != data.held_out) folder_.forget_best();
    if (!plan_.allow_not_finite) finite_.refuse(run->state, "the checkpoint");
    for (const auto& sentence : other_surroundings(run->manifest)) announce(sentence);
    return run;
  }

  void save(std::optional<double> figure) {
    owed_ = false;
    last_save_ = Clock::now();
    try {
      auto state = trainer_->save_state(saver_.spare());
      const auto step = state.number("progress/steps");
      saver_.begin({manifest_at(step), std::move(state)}, step, figure);
    } catch (const std::exception& error) {
      saver_.failed(error);
    }
  }

  [[nodiscard]] nlohmann::ordered_json manifest_at(std::int64_t step) const {
    auto manifest = facts_;
    manifest["format"] = run_file_format;
    manifest["gradus"] = version;
    add_surroundings(manifest);
    manifest["step"] = step;
    manifest["configuration"] = run_configuration(*trainer_);
    manifest["files"] = files_.lengths();
    return manifest;
  }

  /// Of the files that are whole.
  [[nodiscard]] std::optional<RunFile> newest() {
    std::string damage;
    damaged_.clear();
    for (const auto step : folder_.steps()) {
      try {
        return read_run(folder_.file_of(step));
      } catch (const DamagedCheckpoint& error) {
        damage = error.what();
        announce(damage + " The one before it is tried.");
        damaged_.push_back(step);
      }
    }
    if (damage.empty()) return std::nullopt;
    throw CheckpointError("no checkpoint in " + folder_.path().string() +
                          " is whole; start a new run. The oldest one: " + damage);
  }

  void set_aside_damaged() {
    for (const auto step : damaged_) {
      announce("It is kept as " + folder_.set_aside(step).filename().string() + ".");
    }
  }

  void announce(const std::string& sentence) const {
    if (plan_.announce) plan_.announce(sentence);
  }

  T* trainer_;
  CheckpointPlan plan_;
  nlohmann::ordered_json facts_;
  GrownFiles files_;
  bool is_first_;  ///< of the run's processes: the one that saves
  CheckpointFolder folder_;
  FiniteCheck finite_;
  BackgroundSaver saver_;
  std::vector<std::int64_t> damaged_;    ///< to be set aside
  bool resumed_ = false;                 ///< the next `fit` resumes
  bool stopped_ = false, owed_ = false;  ///< a save that was due while another was under way
  std::int64_t step_ = 0;                ///< of the event before
  Clock::time_point last_save_ = Clock::now();
};

}  // namespace gradus
