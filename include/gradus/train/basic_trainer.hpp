/// The trainer of a canonical set of policies: what it holds and offers. Loop: train/begin.hpp,
/// fit.hpp, step.hpp; evaluation: train/evaluate.hpp; all: train/trainer.hpp.
#pragma once

#include <gradus/compose/policy_set.hpp>
#include <gradus/core/events.hpp>
#include <gradus/core/monitor.hpp>
#include <gradus/core/observer.hpp>
#include <gradus/core/step_context.hpp>
#include <gradus/core/step_plan.hpp>
#include <gradus/data/stream.hpp>
#include <gradus/settings/settings.hpp>
#include <gradus/train/capture/captured_run.hpp>
#include <gradus/train/capture/execution_report.hpp>
#include <gradus/train/open_run.hpp>
#include <gradus/train/run/data_mark.hpp>
#include <gradus/train/run/ranks.hpp>
#include <gradus/train/run/run_progress.hpp>
#include <gradus/train/run/run_settings.hpp>
#include <gradus/train/run/stream_run.hpp>
#include <gradus/train/run/train_clock.hpp>
#include <gradus/train/step/call_mistakes.hpp>
#include <gradus/train/step/compute.hpp>
#include <gradus/train/step/flop_meter.hpp>
#include <gradus/train/step/loss_meter.hpp>
#include <gradus/train/step/metric_tallies.hpp>
#include <gradus/train/step/model_step.hpp>
#include <gradus/train/step/policy_checks.hpp>
#include <gradus/train/step/step_traits.hpp>

#include <concepts>
#include <cstdint>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

namespace gradus {

/// What `Trainer` names once its policies are in order. `Policies` is a PolicySet.
template <class M, class Policies>
class BasicTrainer {
  using Traits = StepTraits<Policies>;
  template <class Slot>
  using PolicyAt = typename Traits::template PolicyAt<Slot>;

  static_assert(
      requires(M& model) {
        { *model } -> std::convertible_to<torch::nn::Module&>;
      },
      "gradus: the model of Trainer does not hold a torch::nn::Module; write TORCH_MODULE(...).");

 public:
  using model_type = M;
  using policies_type = Policies;

  /// Initializes and ties weights as the policies say, moves the model to the run's device and
  /// layout, and makes the run state. The model is shared with the caller, as module holders are.
  /// Throws ConfigurationError for numbers out of range, before anything is changed.
  explicit BasicTrainer(M model, const RunSettings& run = {}, const Policies& policies = {})
      : run_(gradus::checked(run)), model_step_(std::move(model), policies, run_.device) {}

  /// Trains on a dataset or a stream for `run.epochs` epochs, or `run.max_steps` steps; evaluates a
  /// few samples of `test` before the first step, and all after each epoch. A second call is a
  /// second run: it begins with the weights and the optimizer's state of the first, and with new
  /// run states of all other policies. Over a stream a run needs `max_steps`, and may end before.
  ///
  /// Throws DataError for a batch larger than the set or another one than was asked for,
  /// ConfigurationError for a batch too small for a batch norm, targets that the loss cannot take,
  /// a metric that a policy monitors and no epoch has, parameters replaced since or none trained,
  /// NumericError for what the guard policy forbids, and whatever the dataset or an observer
  /// throws; loader threads are joined by then.
  template <class Train, data::Dataset Test, Observer... Os>
    requires data::TrainingData<std::remove_reference_t<Train>>
  History fit(Train&& train, const Test& test, Os&... observers) {
    return fit_epochs(
        train, or_leave(ranks(), [&] { return mark_of(test); }), measured_on(test),
        [&](EpochRecord& record) { evaluate_epoch(test, record); }, observers...);
  }

  /// Likewise without a held-out set.
  template <class Train, Observer... Os>
    requires data::TrainingData<std::remove_reference_t<Train>>
  History fit(Train&& train, Os&... observers) {
    check_monitors(policies(), {});
    return fit_epochs(train, DataMark{}, {}, [](EpochRecord&) {}, observers...);
  }

  /// Anything else is one compile error.
  template <class... Arguments>
    requires(!CallMistake<Arguments...>::sentence.empty())
  History fit(Arguments&&...) {
    [[maybe_unused]] const Says<CallMistake<Arguments...>> refusal;
    return {};
  }

  /// Loss and accuracy on a held-out set, in the run's precision and layout, at full resolution,
  /// with the averaged weights if there are some. Leaves weights, statistics, gradients, random
  /// streams and the training flag alone.
  template <data::Dataset Held>
  Evaluation evaluate(const Held& held);

  /// Likewise with the mean of the outputs for each image [N, C, H, W] and its mirror image. Report
  /// it beside `evaluate`, never in its place: it is another model at twice the cost.
  template <data::Dataset Held>
  Evaluation evaluate_flipped(const Held& held);

  /// The outputs for each sample of a set, in its order: float32 [size, ...] on the CPU, made as
  /// `evaluate` makes them. The values of its targets do not matter. Throws ConfigurationError for
  /// a task that gives no output with a row for each sample.
  template <data::Dataset Set>
  [[nodiscard]] at::Tensor predict(const Set& set);

  /// What is no dataset is one compile error.
  template <class Set>
    requires(!data::Dataset<Set>)
  Evaluation evaluate(const Set&) {
    [[maybe_unused]] const Says<SetMistake<Set>> refusal;
    return {};
  }
  template <class Set>
    requires(!data::Dataset<Set>)
  at::Tensor predict(const Set&) {
    [[maybe_unused]] const Says<SetMistake<Set>> refusal;
    return {};
  }

  /// While the object it returns lives, the model holds the weights that `evaluate` uses, to save
  /// or copy them. If they are averages, training, saving and loading throw ConfigurationError.
  [[nodiscard]] EvaluationWeights evaluation_weights();

  /// Everything that the run needs to resume bit for bit, at any `StepEnd`, `EpochEnd` or
  /// `FitStop`: weights, statistics, run states, position, records, random streams. What is under
  /// "time/" differs in equal runs. Waits for the device. Uses `earlier`'s memory again.
  [[nodiscard]] StateDict save_state(StateDict earlier = {});

  /// The next `fit` resumes where the state was saved, with the same configuration and data.
  /// Throws CheckpointError for the state of another one, ConfigurationError within a run up to its
  /// FitEnd, and then changes nothing.
  void load_state(const StateDict& state);

  [[nodiscard]] M& model() { return model_step_.model(); }
  [[nodiscard]] const RunSettings& run() const { return run_; }
  [[nodiscard]] const Policies& policies() const { return model_step_.policies(); }
  /// Of the run that trains, or was trained or loaded last; `unfinished` unless `fit` returned it.
  [[nodiscard]] const History& history() const { return history_; }
  /// Run state of the policy on the axis of tag `Slot`, such as its averages.
  template <class Slot>
  [[nodiscard]] const auto& state() const {
    return model_step_.template state<Slot>();
  }
  /// What became of the last run's steps, where the execution policy captures them.
  [[nodiscard]] const ExecutionReport& execution_report() const { return captured_.report(); }
  /// What the kernels policy has chosen so far: a KernelChoice for each.
  [[nodiscard]] auto kernel_choices() const {
    return at<slot::kernels>().choices(state<slot::kernels>());
  }
  /// The processes of this run; null where this is the only one. `share` says which one it is.
  [[nodiscard]] Communicator* ranks() const { return model_step_.ranks(); }
  [[nodiscard]] RankShare share() const { return model_step_.share(); }
  /// Each trained parameter once.
  [[nodiscard]] const std::vector<NamedTensor>& parameters() const {
    return model_step_.parameters();
  }
  /// The steps of a run over so many samples.
  [[nodiscard]] StepPlan plan(std::int64_t samples) const;

 private:
  template <class Slot>
  [[nodiscard]] const auto& at() const {
    return model_step_.template at<Slot>();
  }

  template <class Train>
  [[nodiscard]] StepPlan plan_of(const Train& train) const;
  template <class Train, class AfterEpoch, class... Os>
  History fit_epochs(Train&, const DataMark& held_out, const Measured&, AfterEpoch, Os&...);
  template <class Batches, class... Os>
  bool train_epoch(Batches& batches, const StepPlan& plan, Os&... observers);
  [[nodiscard]] bool epoch_over(const StepPlan& plan) const;
  void begin_freezing();
  template <class Train, class AfterEpoch>
  std::optional<EpochRecord> judge_epoch(const Train& train, const StepPlan& plan, StepEnd& rest,
                                         AfterEpoch after_epoch);
  template <class Feed>
  bool train_window(Feed&, const StepPlan&, const Rates&, const StepContext&);
  template <class Feed>
  bool whole_step(Feed& feed, const StepPlan& plan, const Rates& rates, const StepContext& context);
  void abandon_window();
  template <class Feed>
  bool eager_step(Feed& feed, const StepPlan& plan, const Rates& rates, StepContext context);
  template <class Feed>
  bool shared_step(Feed& feed, const StepPlan& plan, const Rates& rates, StepContext context);
  template <class Feed>
  bool captured_step(Feed& feed, const StepPlan& plan, const Rates& rates, StepContext context);
  template <class Feed>
  std::optional<typename Feed::batch_type> next_batch(Feed&, const StepPlan&, const StepContext&);
  template <class B, class Part, class Keep>
  void forward_backward(const B& batch, const Part& part, const StepContext& context, Keep keep);
  template <class Train>
  void begin(Train& train, const DataMark& held_out, const StepPlan& plan);
  void begin_ranks(const DataMarks& data, const StepPlan& plan);
  template <class Event, class... Os>
  void tell(const Event& event, Os&... observers);
  void begin_execution(const StepPlan& plan, bool goes_on);
  bool begin_capture(bool skips_on_device);
  [[nodiscard]] std::string capture_obstacle(bool skips_on_device);
  void tell_policies(const EpochRecord& record, const StepPlan& plan);
  void read_losses(StepEnd& event);

  template <class Train>
  void check_data_fits(const Train& train, const StepPlan& plan);
  template <class Train>
  void check_smallest_batch(const Train& train, const StepPlan& plan);
  template <class Train>
  void renew_statistics(const Train& train, const StepPlan& plan);
  template <class Held>
  Measured measured_on(const Held& held);
  template <class Held>
  void check_sanity(const Held& held, Measured& measured);
  template <class Held>
  void evaluate_epoch(const Held& held, EpochRecord& record);
  template <class Held, class Model, class Watch>
  Evaluation evaluate_with(const Held& held, std::int64_t samples, Model& model, Watch watch,
                           Communicator* ranks = nullptr);
  template <class Held>
  [[nodiscard]] std::int64_t test_samples(const Held& held) const;
  void take_state(const StateDict& state);

  RunSettings run_;
  ModelStep<M, Policies> model_step_;
  [[no_unique_address]] CapturedRun<PolicyAt<slot::execution>> captured_;
  LossPlace place_;  ///< of the pass that runs

  RunProgress progress_;
  LossMeter meter_;  ///< of the epoch that runs
  FlopMeter flops_;
  std::optional<std::vector<at::Tensor>> shared_buffers_;  ///< of the epoch, by all ranks
  StateDict device_steps_state_;                           ///< as loaded, until the run resumes
  bool goes_on_ = false;                     ///< whether the next run is the rest of a saved one
  DataMarks data_;                           ///< of this run
  StreamPlace stream_place_;                 ///< behind the last window, where the data is a stream
  History history_{{}, RunEnd::unfinished};  ///< of this run, so far
  TrainClock clock_;
  Interruption interruption_;
  OpenRun open_run_;
};

}  // namespace gradus
