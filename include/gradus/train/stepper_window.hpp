/// The open window of a stepper: of this process alone, or of several.
#pragma once

#include <gradus/core/parameters.hpp>
#include <gradus/distributed/same_on_all.hpp>
#include <gradus/distributed/share_state.hpp>
#include <gradus/settings/policy_settings.hpp>
#include <gradus/train/model/batch_norms.hpp>
#include <gradus/train/run/ranks.hpp>
#include <gradus/train/run/run_facts.hpp>
#include <gradus/train/step/loss_meter.hpp>
#include <gradus/train/step/model_step.hpp>
#include <gradus/train/step/shared_window.hpp>
#include <gradus/train/step/window_weight.hpp>

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <optional>
#include <string>
#include <type_traits>
#include <vector>

namespace gradus {

/// Makes sure that all processes take the same steps, and gives them the weights of the first one,
/// and random numbers of their own.
template <class M, class Policies>
void begin_ranks(ModelStep<M, Policies>& step, std::uint64_t seed, std::int64_t total_steps) {
  if (step.ranks() == nullptr) return;
  if constexpr (ModelStep<M, Policies>::Traits::distributes) {
    std::vector<std::string> facts{"total_steps: " + std::to_string(total_steps)};
    add_facts(facts, policies_to_json(step.policies()));
    add_facts(facts, step.parameters(), *step.model());
    check_same_on_all(*step.ranks(), facts);
  }
  share_values(step.ranks(), step.parameters());
  share_values(step.ranks(), unique_buffers(*step.model()));
  step.restart();  // with those weights
  seed_window(step.share(), seed, /*window=*/0, step.device());
}

/// The micro-batches of one optimizer step of a Stepper, of this process or of several.
template <class M, class Policies>
class StepperWindow {
 public:
  /// Of `size` losses on each process.
  void begin(ModelStep<M, Policies>& step, std::int64_t size) {
    size_ = size;
    weight_ = WindowWeight(size);
    if constexpr (distributes) {
      shared_.reset();
      if (auto* ranks = step.ranks()) {
        shared_.emplace(step, *ranks,
                        Expected{.batches = size,
                                 .samples = size,
                                 .weight = static_cast<double>(size * ranks->size())},
                        /*asks_to_end=*/false);
      }
    }
  }

  /// Returns the factor of loss number `batch`, whose backward pass comes next.
  double add(ModelStep<M, Policies>& step, std::int64_t batch, const at::Tensor& loss,
             double weight, const LossPlace& place, LossMeter& meter) {
    if constexpr (distributes) {
      if (shared_) {
        const double part = shared_->add(batch, 1, weight, place);
        shared_->keep(batch, loss, /*flops=*/0, /*last=*/batch + 1 == size_);
        return part;
      }
    }
    const double part = add_batch(step, weight_, 1, weight);
    meter.add(loss, /*samples=*/1, weight, place);
    return part;
  }

  /// Behind all backward passes. Returns the factor of the gradients; nothing if no process has
  /// added anything. All processes get the buffers of the first one here, where no pass of the
  /// window is open and each of them comes, whatever it has added.
  std::optional<double> finish(ModelStep<M, Policies>& step, LossMeter& meter) {
    if constexpr (distributes) {
      if (shared_) {
        shared_->finish(meter);
        share_together(*step.ranks(), buffers_read_in_training(*step.model()));
        const auto correction =
            shared_->empty() ? std::nullopt : std::optional(shared_->correction());
        shared_.reset();
        return correction;
      }
    }
    return weight_.correction();
  }

 private:
  static constexpr bool distributes = ModelStep<M, Policies>::Traits::distributes;
  using Expected = typename SharedWindow<M, Policies>::Expected;
  struct Nothing {};

  std::int64_t size_ = 0;
  WindowWeight weight_{1};
  [[no_unique_address]] std::conditional_t<distributes, std::optional<SharedWindow<M, Policies>>,
                                           Nothing> shared_;
};

}  // namespace gradus
