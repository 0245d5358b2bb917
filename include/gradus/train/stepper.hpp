/// Optimizer steps for a loop of one's own: several models, several optimizers, losses that no
/// trainer computes.
#pragma once

#include <gradus/compose/composition.hpp>
#include <gradus/core/state_dict.hpp>
#include <gradus/device/math_scope.hpp>
#include <gradus/error.hpp>
#include <gradus/train/axes.hpp>
#include <gradus/train/model/batch_norms.hpp>
#include <gradus/train/model/check_parameters.hpp>
#include <gradus/train/model/constant_weights.hpp>
#include <gradus/train/step/model_step.hpp>
#include <gradus/train/stepper_mistakes.hpp>
#include <gradus/train/stepper_settings.hpp>
#include <gradus/train/stepper_window.hpp>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>

namespace gradus {

/// One model with its policies: precision, accumulation, clipping, optimizer, schedule, averaging,
/// guard and what hooks into a step. The loop is one's own:
///
///     Stepper<Net, AdamW, Mixed, Accumulate> stepper(net, {.total_steps = 1000});
///     const auto loss = stepper.forward([&] { return my_loss(net->forward(x), y); });
///     stepper.backward(loss);  // steps with every second one
template <class M, class Policies>
class BasicStepper : Says<StepperMistake<TrainerAxes, Policies>> {
 public:
  using model_type = M;
  using policies_type = Policies;

  /// Initializes and ties weights as the policies say, moves the model to the device and layout.
  /// Throws ConfigurationError for numbers out of range.
  BasicStepper(M model, const StepperSettings& settings, const Policies& policies = {})
      : settings_(checked(settings)), step_(std::move(model), policies, settings.device) {
    check_length(policies, settings.total_steps);
    if constexpr (ModelStep<M, Policies>::Traits::averages) {
      check_no_renewal(policies.template at<slot::averaging>(), *step_.model(),
                       "a Stepper does not have");
    }
    if (step_.skips_on_device()) step_.make_device_steps(settings.total_steps);
    begin_ranks(step_, settings.seed, settings.total_steps);
  }

  /// Calls `compute()` in the precision of the policies, and returns what it does. Takes float32
  /// losses of 16-bit outputs from there: `as_float32(output)`.
  template <class Compute>
  auto forward(Compute&& compute) {
    const MathScope math(settings_.math);
    keep_buffers();
    [[maybe_unused]] const auto scope = step_.forward_scope(at::GradMode::is_enabled());
    return step_.states().template around<hook::around_forward>(
        step_.policies(), context(), [&] { return std::forward<Compute>(compute)(); });
  }

  /// Adds the gradient of `loss` [], a mean over `weight` samples, tokens, ... The last micro-batch
  /// of a window makes the step, of the mean over all its weight. Returns whether there was one,
  /// taken or skipped. Throws NumericError for what the guard policy forbids, ConfigurationError if
  /// nothing is trained. After an exception the window begins again.
  bool backward(const at::Tensor& loss, double weight = 1) {
    if (!(weight > 0) || !std::isfinite(weight)) {
      throw ConfigurationError(
          "a loss is given the weight " + std::to_string(weight) +
          "; expected a finite number above 0: leave out a batch of which nothing "
          "counts.");
    }
    const MathScope math(settings_.math);
    if (micro_batch_ == 0) begin_window();
    try {
      const double part = window_.add(step_, micro_batch_, loss, weight, place(), meter_);
      step_.backward(loss, part, context());
    } catch (...) {
      abandon();
      throw;
    }
    if (++micro_batch_ < window_size()) return false;
    return finish();
  }

  /// Steps with what has been added, as behind the last batch of an epoch. Returns whether there
  /// was anything, on any rank: each of them calls it.
  bool finish() {
    if (micro_batch_ == 0 && ranks() == nullptr) return false;
    if (micro_batch_ == 0) begin_window();
    const auto context = this->context();
    const auto place = this->place();
    micro_batch_ = 0;
    buffers_kept_ = false;
    ++windows_;
    bool stepped = false;
    try {
      const auto correction = window_.finish(step_, meter_);
      if (!correction) {
        --windows_;
        return false;
      }
      step_.guard().check_first_gradients(step_.parameters());
      stepped = step_.step(rates(), context, *correction, meter_, place);
    } catch (...) {
      --windows_;
      abandon();
      throw;
    }
    step_.end_window(stepped, meter_, context);
    clear_gradients(step_.parameters());
    steps_ += stepped ? 1 : 0;
    if (++since_reading_ >= settings_.read_every) read();
    return true;
  }

  /// From 0, for a policy that freezes.
  void begin_epoch(std::int64_t epoch) {
    epoch_ = epoch;
    step_.begin_epoch(epoch);
  }

  /// The mean loss of the steps since the last call of this; absent if there was none, or all were
  /// skipped. Waits for the device. Throws NumericError for a loss that is not finite.
  std::optional<double> mean_loss() {
    if (micro_batch_ == 0) read();
    return meter_.take_mean();
  }

  /// While it lives the weights are constants: gradients pass through them to other models, and
  /// none is kept.
  [[nodiscard]] ConstantWeights constant_weights() const {
    return ConstantWeights(step_.parameters(), constants_);
  }
  /// While it lives, the model holds the weights to evaluate with, averages if there are some; then
  /// it is neither trained, saved nor loaded.
  [[nodiscard]] EvaluationWeights evaluation_weights() { return step_.evaluation_weights(); }

  [[nodiscard]] M& model() { return step_.model(); }
  [[nodiscard]] const Policies& policies() const { return step_.policies(); }
  [[nodiscard]] const std::vector<NamedTensor>& parameters() const { return step_.parameters(); }
  /// The processes of this run; null where this is the only one. `share` says which one it is.
  [[nodiscard]] Communicator* ranks() const { return step_.ranks(); }
  [[nodiscard]] RankShare share() const { return step_.share(); }
  /// Optimizer steps taken; those that only the device knows to be skipped are taken off at
  /// readings.
  [[nodiscard]] std::int64_t steps() const { return steps_; }
  /// Of the next step; behind the last planned one, those of that.
  [[nodiscard]] Rates rates() const {
    const auto total = settings_.total_steps;
    return step_.rates_at(std::min(steps_, total - 1), total);
  }

  /// Everything that the steps need to resume bit for bit, but for LibTorch's random streams, which
  /// several steppers share. Waits for the device. Throws ConfigurationError within a window, whose
  /// gradients are not saved, and while weights are constants.
  [[nodiscard]] StateDict save_state() {
    check_between_steps("saved");
    return state();
  }
  /// Throws CheckpointError for the state of another configuration, and then changes nothing.
  void load_state(const StateDict& from);

 private:
  void keep_buffers() {
    if (!std::exchange(buffers_kept_, true)) step_.guard().keep_buffers(*step_.model());
  }
  void begin_window() {
    check_any_trained(step_.parameters());
    window_.begin(step_, window_size());
    clear_gradients(step_.parameters());  // those that another model's loss has left
    keep_buffers();
  }

  /// Forgets the open window.
  void abandon() {
    meter_.drop_open_window();
    clear_gradients(step_.parameters());
    micro_batch_ = 0;
    buffers_kept_ = false;
  }

  void check_between_steps(const char* what) const {
    if (micro_batch_ != 0) {
      throw ConfigurationError(std::string("a stepper is ") + what +
                               " within a window of accumulated gradients; do it when `backward` "
                               "has returned true.");
    }
    if (*constants_ == 0) return;
    throw ConfigurationError(std::string("a stepper is ") + what +
                             " while its weights are constants; let the scope end before.");
  }

  StateDict state();
  void take(const StateDict& from);

  void read();
  [[nodiscard]] std::int64_t skipped_on_device();
  [[nodiscard]] StepContext context() const {
    return {.parameters = step_.parameters(),
            .seed = settings_.seed,
            .epoch = epoch_,
            .step = steps_,
            .total_steps = settings_.total_steps,
            .micro_batch = micro_batch_};
  }
  [[nodiscard]] LossPlace place() const {
    return {epoch_ + 1, windows_ + 1, windows_ * window_size() + micro_batch_ + 1,
            micro_batch_ + 1};
  }
  [[nodiscard]] std::int64_t window_size() const {
    return step_.template at<slot::accumulation>().micro_batches();
  }

  StepperSettings settings_;
  ModelStep<M, Policies> step_;
  LossMeter meter_;
  StepperWindow<M, Policies> window_;
  std::int64_t micro_batch_ = 0;  ///< of the window
  std::int64_t windows_ = 0;      ///< ended
  std::int64_t steps_ = 0;
  std::int64_t since_reading_ = 0;
  std::int64_t epoch_ = 0;
  bool buffers_kept_ = false;  ///< as they were before the window's first forward pass
  std::shared_ptr<int> constants_ = std::make_shared<int>(0);  ///< scopes that live
};

/// Stands in for a stepper that was refused: takes everything, so that one mistake gives one error.
template <class M, class Mistake>
class BasicStepper<M, RefusedPolicies<Mistake>> : RefusedPolicies<Mistake> {
 public:
  using policies_type = RefusedPolicies<Mistake>;
  template <class Model>
  explicit BasicStepper(const Model&, const StepperSettings&, const policies_type& = {}) {}
};

/// `Stepper<Model, Policies...>`: policies in any order, of the axes that a step is made of.
template <class M, class... Policies>
using Stepper = BasicStepper<M, typename Composition<TrainerAxes, M, Policies...>::policies>;

}  // namespace gradus
#include <gradus/train/stepper_reading.hpp>  // read
#include <gradus/train/stepper_state.hpp>    // save_state, load_state
