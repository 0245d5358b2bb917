/// A run that can be ended at any time and goes on bit for bit: an observer that saves it, and what
/// loads it again.
#pragma once

#include <gradus/checkpoint/background_saver.hpp>
#include <gradus/checkpoint/checkpoint_folder.hpp>
#include <gradus/checkpoint/checkpoint_plan.hpp>
#include <gradus/checkpoint/run_configuration.hpp>
#include <gradus/checkpoint/run_file.hpp>
#include <gradus/core/error.hpp>
#include <gradus/core/events.hpp>
#include <gradus/core/watched.hpp>
#include <gradus/core/write_file.hpp>
#include <gradus/data/dataset.hpp>
#include <gradus/train/data_mark.hpp>
#include <gradus/version.hpp>

#include <ATen/Parallel.h>
#include <torch/version.h>

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <system_error>
#include <utility>

namespace gradus {

/// Of a trainer `T`. Write
///
///     Checkpoints checkpoints(trainer, "runs/a/checkpoints");
///     checkpoints.resume(train);
///     trainer.fit(train, test, checkpoints);
///
/// and run it as often as it takes. It goes behind the observers whose files the plan names. The
/// copy of the state is made between two steps; checks, checksums and writing go on beside the
/// training.
template <class T>
class Checkpoints {
 public:
  /// Holds the folder for this process. The trainer must outlive it. `facts` are kept in every
  /// checkpoint, beside those of gradus. Throws ConfigurationError for the plan, ResourceError if
  /// the folder is in use or cannot be written.
  explicit Checkpoints(T& trainer, std::filesystem::path folder, CheckpointPlan plan = {},
                       nlohmann::ordered_json facts = nlohmann::ordered_json::object())
      : trainer_(&trainer),
        plan_(checked(plan)),
        facts_(std::move(facts)),
        folder_(std::move(folder)),
        saver_(folder_, plan_) {}
  Checkpoints(const Checkpoints&) = delete;
  Checkpoints& operator=(const Checkpoints&) = delete;

  /// Loads the newest whole checkpoint, so that the next `fit` over `train` goes on from it, and
  /// returns its manifest; nothing, and a fresh start, if there is none. Checkpoints that are
  /// damaged are announced and set aside. Throws CheckpointError, with nothing changed, if none is
  /// whole or the newest is of another configuration or other data; NumericError for weights that
  /// are not finite.
  template <data::Dataset Train>
  std::optional<nlohmann::ordered_json> resume(const Train& train) {
    auto run = newest();
    if (!run) {
      cut_files({});
      return std::nullopt;
    }
    refuse_differences(run->manifest.value("configuration", nlohmann::ordered_json::object()),
                       run_configuration(*trainer_));
    if (!trainer_->run().allow_other_data) {
      check_same_data(DataMark::saved(run->state.part("data")), mark_of(train));
    }
    if (!plan_.allow_not_finite) refuse_not_finite(run->state, "the checkpoint");
    trainer_->load_state(run->state);
    warn_of_other_bits(run->manifest);
    cut_files(run->manifest.value("files", nlohmann::ordered_json::object()));
    return std::move(run->manifest);
  }

  void on(const FitBegin&) {
    stopped_ = false;
    owed_ = false;
    last_save_ = Clock::now();
  }

  void on(const StepEnd& event) {
    const bool by_steps = plan_.every_steps > 0 && event.step % plan_.every_steps == 0;
    const bool by_time = plan_.every_seconds > 0 && seconds_since_save() >= plan_.every_seconds;
    owed_ = owed_ || by_steps || by_time;
    const bool busy = saver_.busy();
    if (owed_ && !busy) save(event.step, std::nullopt);
    step_ = event.step;
  }

  void on(const EpochEnd& event) {
    // Of an epoch that was cut short, `FitStop` has saved what can go on.
    if (stopped_ || plan_.every_epochs == 0 || event.record.epoch % plan_.every_epochs != 0) return;
    saver_.finish();
    std::optional<double> figure;
    if (plan_.keep_best) figure = watched_figure(plan_.best, event.record);
    save(step_, figure);
  }

  void on(const FitStop& event) {
    stopped_ = true;
    saver_.finish();
    save(event.step, std::nullopt);
    saver_.finish();
  }

  void on(const FitEnd&) { saver_.finish(); }

  [[nodiscard]] const std::filesystem::path& folder() const { return folder_.path(); }

 private:
  using Clock = std::chrono::steady_clock;

  [[nodiscard]] double seconds_since_save() const {
    return std::chrono::duration<double>(Clock::now() - last_save_).count();
  }

  void save(std::int64_t step, std::optional<double> figure) {
    owed_ = false;
    last_save_ = Clock::now();
    auto manifest = facts_;
    manifest["format"] = run_file_format;
    manifest["gradus"] = version;
    manifest["libtorch"] = TORCH_VERSION;
    manifest["threads"] = at::get_num_threads();
    manifest["step"] = step;
    manifest["configuration"] = run_configuration(*trainer_);
    auto& sizes = manifest["files"] = nlohmann::ordered_json::object();
    for (const auto& file : plan_.files) {
      std::error_code missing;
      const auto size = std::filesystem::file_size(file, missing);
      sizes[file.filename().string()] = missing ? 0 : size;
    }
    saver_.begin({std::move(manifest), trainer_->save_state(saver_.spare())}, step, figure);
  }

  /// Of the files that can be read whole.
  [[nodiscard]] std::optional<RunFile> newest() {
    std::string damage;
    for (const auto step : folder_.steps()) {
      try {
        return read_run(folder_.file_of(step));
      } catch (const CheckpointError& error) {
        damage = error.what();
        announce(damage + " The one before it is tried.");
        damaged_.push_back(step);
      }
    }
    if (damage.empty()) return std::nullopt;
    throw CheckpointError("no checkpoint in " + folder_.path().string() +
                          " is whole; start a new run. The oldest one: " + damage);
  }

  static std::uintmax_t size_in(const nlohmann::ordered_json& sizes, const std::string& file) {
    if (!sizes.is_object() || !sizes.contains(file)) return 0;
    const auto& size = sizes[file];
    return size.is_number_unsigned() ? size.get<std::uintmax_t>() : 0;
  }

  void cut_files(const nlohmann::ordered_json& sizes) {
    for (const auto step : std::exchange(damaged_, {})) folder_.set_aside(step);
    for (const auto& file : plan_.files) {
      std::error_code failure;
      if (!std::filesystem::exists(file, failure)) continue;
      const auto size = size_in(sizes, file.filename().string());
      if (std::filesystem::file_size(file, failure) < size) {
        announce(file.string() + " has lost lines that the checkpoint knows of.");
      } else {
        cut_file(file, size);
      }
    }
  }

  void warn_of_other_bits(const nlohmann::ordered_json& manifest) const {
    const auto compare = [&](const char* what, const nlohmann::ordered_json& now) {
      const auto before = manifest.value(what, nlohmann::ordered_json());
      if (before == now) return;
      announce(std::string(what) + ": " + dump(before) + " then, " + dump(now) +
               " now; the run goes on, but its last bits may be others.");
    };
    compare("threads", at::get_num_threads());
    compare("libtorch", TORCH_VERSION);
  }

  void announce(const std::string& sentence) const {
    if (plan_.announce) plan_.announce(sentence);
  }

  T* trainer_;
  CheckpointPlan plan_;
  nlohmann::ordered_json facts_;
  CheckpointFolder folder_;
  BackgroundSaver saver_;
  std::vector<std::int64_t> damaged_;  ///< to be set aside
  std::int64_t step_ = 0;              ///< done
  bool stopped_ = false;
  bool owed_ = false;  ///< a save that was due while another was under way
  Clock::time_point last_save_ = Clock::now();
};

}  // namespace gradus
