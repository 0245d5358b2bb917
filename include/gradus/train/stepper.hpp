/// Optimizer steps for a loop of one's own: several models, several optimizers, losses that no
/// trainer computes.
#pragma once

#include <gradus/compose/composition.hpp>
#include <gradus/core/state_dict.hpp>
#include <gradus/device/device.hpp>
#include <gradus/device/math_scope.hpp>
#include <gradus/error.hpp>
#include <gradus/train/axes.hpp>
#include <gradus/train/model/constant_weights.hpp>
#include <gradus/train/step/model_state.hpp>
#include <gradus/train/step/model_step.hpp>
#include <gradus/train/step/window_weight.hpp>
#include <gradus/train/stepper_mistakes.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <utility>

namespace gradus {

struct StepperSettings {
  std::int64_t total_steps = 0;  ///< that the schedule is made for, at least 1
  c10::Device device = default_device();
  std::uint64_t seed = 0;        ///< for hooks that draw
  std::int64_t read_every = 50;  ///< steps between two readings of the loss
  MathSettings math{};           ///< how the device may compute, while `forward` and `backward` run
};

/// One model with its policies: precision, accumulation, clipping, optimizer, schedule, averaging,
/// guard and what hooks into a step. The loop is one's own:
///
///     Stepper<Net, AdamW, Mixed<>, Accumulate<2>> stepper(net, {.total_steps = 1000});
///     const auto loss = stepper.forward([&] { return cross_entropy(net->forward(x), y); });
///     stepper.backward(loss);  // steps with every second one
template <class M, class Policies>
class BasicStepper : Says<StepperMistake<TrainerAxes, Policies>> {
 public:
  using model_type = M;
  using policies_type = Policies;

  /// Initializes and ties weights as the policies say, moves the model to the device and layout.
  /// Throws ConfigurationError for numbers out of range.
  BasicStepper(M model, const StepperSettings& settings, const Policies& policies = {})
      : settings_(checked(settings, policies)),
        step_(std::move(model), policies, settings.device),
        window_(step_.template at<slot::accumulation>().micro_batches()) {
    if (step_.skips_on_device()) step_.make_device_steps(settings.total_steps);
  }

  /// Calls `compute()` in the precision of the policies, and returns what it does. Takes float32
  /// losses of 16-bit outputs from there: `as_float32(output)`.
  template <class Compute>
  auto forward(Compute&& compute) {
    const MathScope math(settings_.math);
    [[maybe_unused]] const auto scope = step_.forward_scope();
    const auto context = this->context();
    return step_.states().template around<hook::around_forward>(
        step_.policies(), context, [&] { return std::forward<Compute>(compute)(); });
  }

  /// Adds the gradient of `loss` [], a mean over `weight` samples, tokens, ... The last micro-batch
  /// of a window makes the step, of the mean over all its weight. Returns whether there was one,
  /// taken or skipped. Throws NumericError for what the guard policy forbids.
  bool backward(const at::Tensor& loss, double weight = 1) {
    if (!(weight > 0)) {
      throw ConfigurationError("a loss is given the weight " + std::to_string(weight) +
                               "; expected a number above 0: leave out a batch of which nothing "
                               "counts.");
    }
    const MathScope math(settings_.math);
    if (micro_batch_ == 0) begin_window();
    const double part = window_.add(1, weight);
    const auto context = this->context();
    meter_.add(loss, /*samples=*/1, weight, place());
    step_.backward(loss, part, context);
    if (++micro_batch_ < step_.template at<slot::accumulation>().micro_batches()) return false;
    return finish();
  }

  /// Steps with what has been added, as behind the last batch of an epoch. Returns whether there
  /// was anything.
  bool finish() {
    if (micro_batch_ == 0) return false;
    const auto context = this->context();
    const auto place = this->place();
    micro_batch_ = 0;
    ++windows_;
    step_.guard().check_first_gradients(step_.parameters());
    const bool stepped = step_.step(rates(), context, window_.correction(), meter_, place);
    step_.end_window(stepped, meter_, context);
    steps_ += stepped ? 1 : 0;
    if (++since_reading_ == settings_.read_every) read();
    return true;
  }

  /// For a policy that freezes: epochs are counted from 0.
  void begin_epoch(std::int64_t epoch) { step_.begin_epoch(epoch); }

  /// The mean loss since the reading before; absent if there was none, or only skipped steps.
  /// Waits for the device. Throws NumericError for a loss that is not finite.
  std::optional<double> mean_loss() {
    read();
    return std::exchange(mean_, std::nullopt);
  }

  /// While it lives the weights are constants: gradients pass through them to other models, and
  /// none is kept.
  [[nodiscard]] ConstantWeights constant_weights() const {
    return ConstantWeights(step_.parameters());
  }
  /// While it lives, the model holds the weights to evaluate with, averages if there are some.
  [[nodiscard]] EvaluationWeights evaluation_weights() { return step_.evaluation_weights(); }

  [[nodiscard]] M& model() { return step_.model(); }
  [[nodiscard]] const Policies& policies() const { return step_.policies(); }
  [[nodiscard]] const std::vector<NamedTensor>& parameters() const { return step_.parameters(); }
  /// Optimizer steps taken; those that only the device knows to be skipped are taken off at
  /// readings.
  [[nodiscard]] std::int64_t steps() const { return steps_; }
  /// Of the next step.
  [[nodiscard]] Rates rates() const { return step_.rates_at(steps_, settings_.total_steps); }

  /// Everything that the steps need to resume bit for bit. Waits for the device. Throws
  /// ConfigurationError within a window, whose gradients are not saved.
  [[nodiscard]] StateDict save_state() {
    if (micro_batch_ != 0) {
      throw ConfigurationError(
          "a stepper is saved within a window of accumulated gradients; save "
          "it when `backward` has returned true.");
    }
    StateDict state;
    step_.save(state);
    state.put_under("losses", [&](StateDict& part) { meter_.save(part); });
    state.put_under("guard", [&](StateDict& part) { step_.guard().save(part); });
    state.put("steps", steps_ - skipped_on_device());
    state.put("windows", windows_);
    state.put("since_reading", since_reading_);
    if (auto& device = step_.device_steps()) {
      state.put_under("device_steps", [&](StateDict& part) { device->save(part); });
    }
    return state;
  }
  /// Throws CheckpointError for the state of another configuration.
  void load_state(const StateDict& state) {
    step_.load(state);
    meter_.load(state.part("losses"));
    step_.guard().load(state.part("guard"));
    windows_ = state.number("windows");
    since_reading_ = state.number("since_reading");
    steps_ = state.number("steps") + skipped_on_device();  // as the reading will take them off
    const auto device_steps = state.part("device_steps");
    if (auto& device = step_.device_steps()) {
      device_steps.has("taken") ? device->load(device_steps)
                                : device->go_on_after(state.number("steps"));
    }
    micro_batch_ = 0;
    mean_.reset();
  }

 private:
  static const StepperSettings& checked(const StepperSettings& settings, const Policies& policies) {
    if (settings.total_steps < 1 || settings.read_every < 1) {
      throw ConfigurationError(
          "total_steps and read_every of a stepper must be at least 1, but are " +
          std::to_string(settings.total_steps) + " and " + std::to_string(settings.read_every) +
          ".");
    }
    gradus::checked(settings.device);
    gradus::checked(settings.math);
    check_length(policies.template at<slot::schedule>(), settings.total_steps);
    return settings;
  }

  void begin_window() {
    window_ = WindowWeight(step_.template at<slot::accumulation>().micro_batches());
    clear_gradients(step_.parameters());  // those that another model's loss has left
    step_.guard().keep_buffers(*step_.model());
  }

  void read() {
    since_reading_ = 0;
    const auto place = this->place();
    const auto reading = meter_.read();
    steps_ -= reading.skipped_on_device;
    if (reading.mean) mean_ = reading.mean;
    step_.guard().check_reading(reading, step_.parameters(), place);
    step_.guard().count(reading.windows, reading.skipped_in_a_row, step_.parameters(), place);
  }

  /// Not yet read. Waits for the device.
  [[nodiscard]] std::int64_t skipped_on_device() {
    return step_.device_steps() ? meter_.skipped_on_device() : 0;
  }

  [[nodiscard]] StepContext context() const {
    return {.parameters = step_.parameters(),
            .seed = settings_.seed,
            .epoch = 0,
            .step = steps_,
            .total_steps = settings_.total_steps,
            .micro_batch = micro_batch_};
  }
  [[nodiscard]] LossPlace place() const {
    return {1, windows_ + 1, windows_ * window_size() + micro_batch_ + 1, micro_batch_ + 1};
  }
  [[nodiscard]] std::int64_t window_size() const {
    return step_.template at<slot::accumulation>().micro_batches();
  }

  StepperSettings settings_;
  ModelStep<M, Policies> step_;
  LossMeter meter_;
  WindowWeight window_;
  std::int64_t micro_batch_ = 0;  ///< of the window
  std::int64_t windows_ = 0;      ///< ended
  std::int64_t steps_ = 0;
  std::int64_t since_reading_ = 0;
  std::optional<double> mean_;
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
