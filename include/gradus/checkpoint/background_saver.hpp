/// Writes the checkpoints of a run while it trains.
#pragma once

#include <gradus/checkpoint/checkpoint_folder.hpp>
#include <gradus/checkpoint/checkpoint_plan.hpp>
#include <gradus/checkpoint/finite_check.hpp>
#include <gradus/checkpoint/grown_files.hpp>
#include <gradus/checkpoint/run_file.hpp>
#include <gradus/core/state_dict.hpp>
#include <gradus/device/beside.hpp>
#include <gradus/error.hpp>

#include <c10/core/Device.h>

#include <chrono>
#include <cstdint>
#include <exception>
#include <future>
#include <optional>
#include <string>
#include <system_error>
#include <utility>

namespace gradus {

/// One save at a time, in a thread of its own that ends with it. For one thread that trains. A
/// state on a device is copied to the host on a stream of its own, so that no step waits for that.
class BackgroundSaver {
 public:
  /// All must outlive it.
  BackgroundSaver(CheckpointFolder& folder, const CheckpointPlan& plan, const GrownFiles& files,
                  FiniteCheck& finite)
      : folder_(&folder), plan_(&plan), files_(&files), finite_(&finite) {}

  /// Whether a save is under way. Throws what a save that has ended meanwhile has thrown, or
  /// announces it, as the plan says.
  [[nodiscard]] bool busy() {
    using namespace std::chrono_literals;
    if (!save_.valid()) return false;
    if (save_.wait_for(0s) != std::future_status::ready) return true;
    finish();
    return false;
  }

  /// Waits for the save that is under way. Throws as `busy` does.
  void finish() {
    if (!save_.valid()) return;
    try {
      spare_ = save_.get();
      saved_ = true;
    } catch (const std::exception& error) {
      failed(error);
    }
  }

  /// What becomes of `error`, which is being handled: thrown on, or announced, as the plan says.
  void failed(const std::exception& error) {
    saved_ = false;
    if (plan_->on_failure == OnSaveFailure::stop) throw;
    if (!plan_->announce) return;
    plan_->announce("the run continues, but was not saved: " + std::string(error.what()));
  }

  /// Whether the last save that has ended went well.
  [[nodiscard]] bool saved() const { return saved_; }

  /// A state that is on the disk by now, for its memory.
  [[nodiscard]] StateDict spare() { return std::exchange(spare_, {}); }

  /// Nothing else may be under way. `figure` as in `CheckpointFolder::written`. Throws
  /// ResourceError if no thread can be had.
  void begin(RunFile run, std::int64_t step, std::optional<double> figure) {
    Beside beside(device_of(run.state));
    auto save = [this, beside = std::move(beside), run = std::move(run), step,
                 figure]() mutable -> StateDict {
      beside.run([&] { write(run, step, figure); });
      return std::move(run.state);
    };
    try {
      save_ = std::async(std::launch::async, std::move(save));
    } catch (const std::system_error& error) {
      throw ResourceError("no thread could be started to save the run (" +
                          std::string(error.what()) +
                          "); let the system allow more of them, and resume.");
    }
  }

 private:
  /// Of the weights; the counts of a state are on the CPU.
  static c10::Device device_of(const StateDict& state) {
    for (const auto& entry : state.entries()) {
      if (!entry.tensor.device().is_cpu()) return entry.tensor.device();
    }
    return c10::kCPU;
  }

  void write(const RunFile& run, std::int64_t step, std::optional<double> figure) const {
    if (!plan_->allow_not_finite) {
      finite_->refuse(run.state, "the state at step " + std::to_string(step) +
                                     ", which is therefore not saved");
    }
    files_->bring_onto_disk();
    write_run(folder_->file_of(step), run);
    folder_->written(step, figure, plan_->keep_last);
  }

  CheckpointFolder* folder_;
  const CheckpointPlan* plan_;
  const GrownFiles* files_;
  FiniteCheck* finite_;
  StateDict spare_;
  bool saved_ = false;
  std::future<StateDict> save_;  ///< last, for its destructor waits
};

}  // namespace gradus
