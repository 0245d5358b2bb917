/// The trainer: a model and one policy per axis, composed into the training loop.
#pragma once

#include <gradus/core/events.hpp>
#include <gradus/core/parameters.hpp>
#include <gradus/core/settings.hpp>
#include <gradus/core/step_plan.hpp>
#include <gradus/train/axes.hpp>
#include <gradus/train/evaluation_mode.hpp>
#include <gradus/train/loss_meter.hpp>
#include <gradus/train/observer.hpp>
#include <gradus/train/policy_set.hpp>
#include <gradus/train/run_settings.hpp>
#include <gradus/train/training_batches.hpp>

#include <c10/core/InferenceMode.h>

#include <chrono>
#include <concepts>
#include <cstdint>
#include <stdexcept>
#include <type_traits>
#include <utility>
#include <vector>

namespace gradus {

/// A module holder (TORCH_MODULE) whose `forward` takes the batch's input and returns its output.
template <class M>
concept Model = requires(M& model, const at::Tensor& input) {
  { model->forward(input) } -> std::convertible_to<at::Tensor>;
  { *model } -> std::convertible_to<torch::nn::Module&>;
};

/// What `Trainer` names once its policies are in order. `Policies` is a PolicySet.
template <class M, class Policies>
class BasicTrainer {
  template <class Slot>
  using PolicyAt = std::remove_cvref_t<decltype(std::declval<Policies&>().template at<Slot>())>;
  using Precision = PolicyAt<slot::precision>;
  using Optimizer = PolicyAt<slot::optimizer>;
  using Augmentation = PolicyAt<slot::augmentation>;

  static_assert(Model<M>,
                "gradus: the model of Trainer is not a module holder (TORCH_MODULE) whose "
                "forward takes the input tensor and returns the output tensor.");
  static_assert(SharingPolicy<PolicyAt<slot::sharing>, M>,
                "gradus: the sharing policy does not fit this model; ShareEarlyLayer needs a model "
                "with shareable_layers().");
  static_assert(PrecisionPolicy<Precision>, "gradus: the precision policy misses PrecisionPolicy.");
  static_assert(AccumulationPolicy<PolicyAt<slot::accumulation>>,
                "gradus: the accumulation policy misses AccumulationPolicy.");
  static_assert(OptimizerPolicy<Optimizer>, "gradus: the optimizer policy misses OptimizerPolicy.");
  static_assert(SchedulePolicy<PolicyAt<slot::schedule>>,
                "gradus: the schedule policy misses SchedulePolicy.");
  static_assert(LoadingPolicy<PolicyAt<slot::loading>>,
                "gradus: the loading policy misses LoadingPolicy.");
  static_assert(AugmentationPolicy<Augmentation>,
                "gradus: the augmentation policy misses AugmentationPolicy.");
  static_assert(LayoutPolicy<PolicyAt<slot::layout>>,
                "gradus: the layout policy misses LayoutPolicy.");
  static_assert(ResolutionPolicy<PolicyAt<slot::resolution>>,
                "gradus: the resolution policy misses ResolutionPolicy.");
  static_assert(LossPolicy<PolicyAt<slot::loss>>, "gradus: the loss policy misses LossPolicy.");

 public:
  using model_type = M;
  using policies_type = Policies;

  /// Ties shared weights, moves the model to the run's device and layout, and makes the run state.
  /// The model is shared with the caller, as module holders are. Throws ConfigurationError for
  /// numbers out of range, before anything is changed.
  explicit BasicTrainer(M model, const RunSettings& run = {}, const Policies& policies = {})
      : model_(std::move(model)),
        run_(gradus::checked(run)),
        policies_(checked(policies)),
        parameters_(prepare()),
        optimizer_state_(at<slot::optimizer>().start(parameters_)),
        precision_state_(at<slot::precision>().start(run_.device)) {}

  /// Trains for `run.epochs` epochs; after each, evaluates on `test`. A second call is a second run
  /// that begins with the weights and moments of the first.
  ///
  /// Throws DataError for a batch larger than the set, NumericError if the loss is not finite, and
  /// whatever the dataset or an observer throws; loader threads are joined by then.
  template <data::Dataset Train, data::Dataset Test, Observer... Os>
  History fit(const Train& train, const Test& test, Os&... observers) {
    return fit_epochs(
        train, [&](EpochRecord& record) { record.test = evaluate(test); }, observers...);
  }

  /// Likewise without a held-out set.
  template <data::Dataset Train, Observer... Os>
  History fit(const Train& train, Os&... observers) {
    return fit_epochs(
        train, [](EpochRecord&) {}, observers...);
  }

  /// Loss and accuracy on a held-out set, in the run's precision and layout, at full resolution.
  /// Leaves weights, statistics, gradients, random streams and the training flag alone.
  template <data::Dataset Held>
  Evaluation evaluate(const Held& held);

  [[nodiscard]] M& model() { return model_; }
  [[nodiscard]] const RunSettings& run() const { return run_; }
  [[nodiscard]] const Policies& policies() const { return policies_; }
  /// Each trained parameter once.
  [[nodiscard]] const std::vector<NamedTensor>& parameters() const { return parameters_; }
  [[nodiscard]] StepPlan plan(std::int64_t samples) const {
    return {.samples = samples,
            .batch_size = at<slot::loading>().plan().batch_size,
            .accumulation = at<slot::accumulation>().micro_batches(),
            .epochs = run_.epochs};
  }

 private:
  using Clock = std::chrono::steady_clock;

  template <class Slot>
  [[nodiscard]] const auto& at() const {
    return policies_.template at<Slot>();
  }

  static const Policies& checked(const Policies& policies) {
    policies.for_each([](const auto& policy) { check_fields(policy); });
    return policies;
  }

  std::vector<NamedTensor> prepare() {
    at<slot::sharing>().tie(model_);
    model_->to(run_.device);
    auto parameters = unique_parameters(*model_);
    const at::NoGradGuard no_grad;
    for (auto& [name, parameter] : parameters) {
      parameter.set_data(at<slot::layout>().arrange(parameter));
    }
    return parameters;
  }

  template <class Train, class AfterEpoch, class... Os>
  History fit_epochs(const Train& train, AfterEpoch after_epoch, Os&... observers);
  template <class Train, class... Os>
  EpochRecord train_epoch(const Train& train, const StepPlan& plan, std::int64_t epoch,
                          Os&... observers);
  template <class Feed>
  void accumulate_gradients(Feed& feed, const StepPlan& plan, std::int64_t window,
                            LossMeter& meter);
  bool optimizer_step(const Rates& rates);

  static constexpr bool has_scaler =
      !std::is_null_pointer_v<decltype(std::declval<const Precision&>().scaler(
          std::declval<typename Precision::State&>()))>;

  [[nodiscard]] std::vector<at::Tensor> gradients() const {
    std::vector<at::Tensor> list;
    for (const auto& parameter : parameters_) {
      if (parameter.tensor.grad().defined()) list.push_back(parameter.tensor.grad());
    }
    return list;
  }

  void clear_gradients() {
    for (const auto& parameter : parameters_) parameter.tensor.mutable_grad().reset();
  }

  at::Tensor forward_loss(const Batch& batch, double part) {
    const auto images =
        at<slot::resolution>().resize(at<slot::layout>().arrange(batch.input), part);
    [[maybe_unused]] const auto scope = at<slot::precision>().forward_scope(precision_state_);
    return at<slot::loss>().loss(as_float32(model_->forward(images)), batch.target);
  }

  static at::Tensor as_float32(const at::Tensor& output) {
    const bool half = output.scalar_type() == at::kHalf || output.scalar_type() == at::kBFloat16;
    return half ? output.to(at::kFloat) : output;
  }

  [[nodiscard]] double seconds_trained() const {
    return seconds_before_ + std::chrono::duration<double>(Clock::now() - begun_).count();
  }
  [[nodiscard]] bool stopped() const {
    return run_.stop_after_steps && steps_ >= *run_.stop_after_steps;
  }

  M model_;
  RunSettings run_;
  Policies policies_;
  std::vector<NamedTensor> parameters_;
  typename Optimizer::State optimizer_state_;
  [[no_unique_address]] typename Precision::State precision_state_;

  std::int64_t steps_ = 0;    ///< optimizer steps taken in this run
  std::int64_t windows_ = 0;  ///< begun in this run, skipped ones counted
  std::int64_t samples_ = 0;  ///< trained on in this run
  std::int64_t windows_since_reading_ = 0;
  double seconds_before_ = 0;
  Clock::time_point begun_;
};

/// `Trainer<Model, Policies...>`: policies in any order, at most one per axis, neutral ones for the
/// rest. The same policies in another order are the same type.
template <class M, class... Policies>
using Trainer = BasicTrainer<M, typename detail::Compose<TrainerAxes, Policies...>::type>;

}  // namespace gradus

#include <gradus/train/fit.hpp>
