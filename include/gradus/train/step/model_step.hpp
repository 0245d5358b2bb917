/// A model with its policies and their run states: what makes one optimizer step of losses that
/// others compute. The trainer's loop and loops of one's own (train/stepper.hpp) are made of it.
#pragma once

#include <gradus/core/parameters.hpp>
#include <gradus/core/rank_share.hpp>
#include <gradus/core/rates.hpp>
#include <gradus/core/state_dict.hpp>
#include <gradus/core/step_context.hpp>
#include <gradus/distributed/communicator.hpp>
#include <gradus/distributed/optimizer_shards.hpp>
#include <gradus/policy/schedule/concept.hpp>
#include <gradus/train/model/freezing.hpp>
#include <gradus/train/model/gradients.hpp>
#include <gradus/train/model/parameter_order.hpp>
#include <gradus/train/model/prepare_model.hpp>
#include <gradus/train/model/weight_swap.hpp>
#include <gradus/train/step/device_steps.hpp>
#include <gradus/train/step/forward_scope.hpp>
#include <gradus/train/step/loss_meter.hpp>
#include <gradus/train/step/numeric_guard.hpp>
#include <gradus/train/step/policy_checks.hpp>
#include <gradus/train/step/policy_states.hpp>
#include <gradus/train/step/step_averages.hpp>
#include <gradus/train/step/step_traits.hpp>

#include <ATen/ops/empty_like.h>
#include <ATen/ops/zeros.h>
#include <c10/core/Device.h>

#include <cstdint>
#include <optional>
#include <type_traits>
#include <utility>
#include <vector>

namespace gradus {

/// `Policies` is a PolicySet.
template <class M, class Policies>
class ModelStep {
 public:
  using Traits = StepTraits<Policies>;
  template <class Slot>
  using PolicyAt = typename Traits::template PolicyAt<Slot>;

  /// Initializes and ties weights as the policies say, moves the model to the device and layout,
  /// and makes the run states. Throws ConfigurationError for numbers out of range, before anything
  /// is changed.
  ModelStep(M model, const Policies& policies, c10::Device device)
      : model_(std::move(model)),
        policies_(checked_policies(policies)),
        device_(device),
        parameters_(prepared()),
        states_(policies_, parameters_, device),
        guard_(at<slot::guard>().plan()) {
    if constexpr (PolicyAt<slot::clipping>::clips) {
      unclipped_norm_ = at::zeros({}, at::TensorOptions(device).dtype(at::kDouble));
    }
  }

  [[nodiscard]] M& model() { return model_; }
  [[nodiscard]] const Policies& policies() const { return policies_; }
  [[nodiscard]] c10::Device device() const { return device_; }
  /// Each parameter once.
  [[nodiscard]] const std::vector<NamedTensor>& parameters() const { return parameters_; }
  [[nodiscard]] PolicyStates<Policies>& states() { return states_; }
  [[nodiscard]] NumericGuard& guard() { return guard_; }
  /// There if steps are captured, or skipped on the device.
  [[nodiscard]] std::optional<DeviceSteps>& device_steps() { return device_steps_; }
  /// Batch-norm statistics for averaged weights; empty where there are none.
  [[nodiscard]] std::vector<at::Tensor>& averaged_statistics() { return averaged_statistics_; }

  template <class Slot>
  [[nodiscard]] const auto& at() const {
    return policies_.template at<Slot>();
  }
  template <class Slot>
  [[nodiscard]] auto& state() {
    return states_.template at<Slot>();
  }
  template <class Slot>
  [[nodiscard]] const auto& state() const {
    return states_.template at<Slot>();
  }
  /// The processes that share the work of each step; null where this one does all.
  [[nodiscard]] Communicator* ranks() const {
    if constexpr (Traits::distributes) {
      auto& all = at<slot::distribution>().ranks(state<slot::distribution>());
      if (all.size() > 1) return &all;
    }
    return nullptr;
  }
  /// How the optimizer's state is divided over them; null where each has all of it.
  [[nodiscard]] OptimizerShards* shards() const {
    if constexpr (Traits::distributes) return states_.shards(policies_);
    return nullptr;
  }
  [[nodiscard]] RankShare share() const {
    const auto* all = ranks();
    return all == nullptr ? RankShare{} : RankShare{all->rank(), all->size()};
  }
  /// The gradient scaler, or null.
  [[nodiscard]] auto scaler() { return at<slot::precision>().scaler(state<slot::precision>()); }
  /// While it lives, a model computes with the kernels and in the precision of the policies, and,
  /// if it `trains`, with other processes.
  [[nodiscard]] auto forward_scope(bool trains) {
    return forward_scope_of(policies_, states_, trains);
  }

  /// Freezes and unfreezes for an epoch, from 0.
  void begin_epoch(std::int64_t epoch) {
    apply_freezing(at<slot::freezing>(), *model_, parameters_, epoch, /*start=*/false);
  }

  /// Forgets what a run before this one has left, but for the weights and the optimizer's state.
  void restart() {
    guard_ = NumericGuard(at<slot::guard>().plan());
    best_ = {};
    averaged_statistics_.clear();
    states_.template restart_all_but<slot::optimizer, slot::distribution>(policies_, parameters_,
                                                                          device_);
  }

  [[nodiscard]] Rates rates_at(std::int64_t step, std::int64_t total_steps) const {
    const double own = at<slot::optimizer>().lr;
    if constexpr (PureSchedulePolicy<PolicyAt<slot::schedule>>) {
      return at<slot::schedule>().at(step, total_steps, own);
    } else {
      return at<slot::schedule>().at(state<slot::schedule>(), step, total_steps, own);
    }
  }

  /// Whether a step can be skipped on the device, without the host knowing.
  [[nodiscard]] bool skips_on_device() {
    if constexpr (Traits::can_skip_on_device) {
      return scaler() != nullptr && !sets_momentum(at<slot::schedule>()) &&
             !at<slot::guard>().plan().each_step && at<slot::optimizer>().steps_on_device();
    } else {
      return false;
    }
  }
  /// Rates on the device, for a run of so many steps.
  void make_device_steps(std::int64_t total_steps) {
    device_steps_.emplace(total_steps, device_, [&](std::int64_t step) {
      return rates_at(step, total_steps).learning_rate;
    });
  }

  /// Adds the gradients of `loss` [] times `part`, a number or a tensor on the device: the factor
  /// of a batch's mean loss in that of its window.
  template <class Part>
  void backward(at::Tensor loss, const Part& part, const StepContext& context);

  /// Unscales once, clips, steps or skips, adapts the scale. Whoever calls it clears the gradients.
  /// `correction` is the factor that the window's weight leaves to be put right; `meter` has its
  /// losses. Returns whether it stepped, as far as the host knows.
  bool step(const Rates& rates, const StepContext& context, double correction,
            const LossMeter& meter, const LossPlace& place);
  /// The 2-norm over all parameters of the last step's gradients, before they were clipped: [] on
  /// their device, undefined if there are none or a step that clips did not measure it. Waits for
  /// nothing.
  [[nodiscard]] at::Tensor gradient_norm() const;
  /// Whether the next steps measure it also where clipping does not.
  void measure_norm(bool measures) { measures_norm_ = measures; }

  /// Ends a window in `meter`, and averages weights after a step that was taken.
  void end_window(bool stepped, LossMeter& meter, const StepContext& context) {
    if (stepped && device_steps_ && scaler() != nullptr) {
      meter.end_window(void_step());
    } else {
      meter.end_window(/*skipped=*/!stepped);
    }
    if (stepped) update_averages(policies_, states_, context);
  }

  /// Of each parameter; nothing where there are none yet.
  [[nodiscard]] auto averages() const { return averages_of(policies_, states_); }
  /// While the object lives, the model holds the weights to evaluate with.
  [[nodiscard]] EvaluationWeights evaluation_weights() {
    if constexpr (Traits::averages) {
      return {parameters_, averages(), unique_buffers(*model_), averaged_statistics_,
              average_scopes_};
    } else {
      return {};
    }
  }

  /// Throws ConfigurationError if the model is `what`, as in "saved", while it holds averages.
  void check_own_weights(const char* what) const { average_scopes_.check(what); }

  /// Keeps a copy of weights, statistics and averages, in the place of an earlier one; of the
  /// optimizer too where the averages are its own.
  void keep_best();
  /// Puts that copy back, if there is one.
  void restore_best();

  /// This and `load` throw as `check_own_weights` does. A joint call where the optimizer's state is
  /// divided; ranks that wait for the first one call `help_save`.
  void save(StateDict& to);
  void help_save() { static_cast<void>(whole_optimizer_state(/*keep=*/false)); }
  /// Throws CheckpointError for the state of other parameters; some may be changed by then.
  void load(const StateDict& from);

 private:
  [[nodiscard]] auto place_of_optimizer_entry() const;
  [[nodiscard]] StateDict own_optimizer_state() const;
  [[nodiscard]] StateDict whole_optimizer_state(bool keep) const;
  [[nodiscard]] StateDict own_part(const StateDict& whole) const;
  template <class P>
  [[nodiscard]] bool is_divided() const {
    return std::is_same_v<typename P::slot, slot::optimizer> && shards() != nullptr;
  }
  void save_weights(StateDict& to);
  void load_weights(const StateDict& from);

  /// What is frozen in the first epoch is so before optimizers make their state.
  std::vector<NamedTensor> prepared() {
    auto parameters = prepare_model(model_, policies_, device_);
    apply_freezing(at<slot::freezing>(), *model_, parameters, /*epoch=*/0, /*start=*/true);
    return parameters;
  }

  void clip(bool finite);
  void update(const Rates& rates, const StepContext& context);
  void share_weights() const {
    if (const auto* shards = this->shards()) shards->share_weights();
  }

  /// [1], on the device: 1 if the step that it decides on is void.
  at::Tensor void_step();

  M model_;
  [[no_unique_address]] Policies policies_;
  c10::Device device_;
  std::vector<NamedTensor> parameters_;
  PolicyStates<Policies> states_;
  std::vector<at::Tensor> averaged_statistics_;
  NumericGuard guard_;
  at::Tensor unclipped_norm_;  ///< undefined where nothing clips
  bool measures_norm_ = false;
  std::optional<DeviceSteps> device_steps_;
  StateDict best_;  ///< empty where nothing is kept
  AverageScopes average_scopes_;
};

}  // namespace gradus
#include <gradus/train/step/optimizer_step.hpp>  // step
