/// The step of a trainer as work that a graph can hold, and when it cannot. Included by
/// train/trainer.hpp.
#pragma once

#include <gradus/compose/capture_obstacles.hpp>
#include <gradus/train/basic_trainer.hpp>
#include <gradus/train/model/gradients.hpp>
#include <gradus/train/step/window_weight.hpp>

#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace gradus {

/// As `eager_step`, by way of the graph. What happens on the host comes before it (batches, what
/// changes them) or after it (the losses' account).
template <class M, class Policies>
template <class Feed>
bool BasicTrainer<M, Policies>::captured_step(Feed& feed, const StepPlan& plan, const Rates& rates,
                                              StepContext context) {
  std::vector<typename Feed::batch_type> window;
  std::vector<LossPlace> places;
  double samples = 0;
  for (; context.micro_batch < plan.window_batches(progress_.windows - 1); ++context.micro_batch) {
    auto batch = next_batch(feed, plan, context);
    if (!batch) break;
    if (batch->weight == 0) continue;  // nothing in it counts
    samples += static_cast<double>(batch->size());
    window.push_back(std::move(*batch));
    places.push_back(place_);
  }
  if (window.empty()) return false;
  const bool by_samples = even(window);
  if (!by_samples) captured_.set_parts(window, plan.window_batches(0), run_.device);
  const auto step = [&](const auto& batches, const at::Tensor& losses) {
    for (std::size_t i = 0; i < batches.size(); ++i) {
      context.micro_batch = static_cast<std::int64_t>(i);
      const auto keep = [&](const at::Tensor& loss) {
        losses.select(0, context.micro_batch).copy_(loss.detach());
      };
      if (by_samples) {
        const double part = static_cast<double>(batches[i].size()) / samples;
        forward_backward(batches[i].batch, part, context, keep);
      } else {
        forward_backward(batches[i].batch, captured_.part(context.micro_batch), context, keep);
      }
    }
    model_step_.guard().check_first_gradients(parameters());
    model_step_.step(rates, context, /*correction=*/1, meter_, place_);
  };
  const auto losses =
      captured_.graph()->run(window, by_samples, step, [&] { clear_gradients(parameters()); });
  for (std::size_t i = 0; i < window.size(); ++i) {
    meter_.add(losses.select(0, static_cast<std::int64_t>(i)), window[i].size(), window[i].weight,
               places[i]);
    progress_.epoch_flops += flops_.of(window[i].batch);
  }
  return true;
}

/// What a run's steps are made with: rates on the device where steps are skipped there or captured,
/// and the graph.
template <class M, class Policies>
void BasicTrainer<M, Policies>::begin_execution(const StepPlan& plan, bool goes_on) {
  auto& device_steps = model_step_.device_steps();
  device_steps.reset();
  const auto loaded = std::exchange(device_steps_state_, {});
  if constexpr (Traits::can_step_on_device) {
    const bool skips = model_step_.skips_on_device() && !run_.stop_after_steps;
    bool captured = false;
    if constexpr (Traits::captures) captured = begin_capture(skips);
    if (!skips && !captured) return;
    model_step_.make_device_steps(plan.total_steps());
    if (!goes_on) return;
    if (skips && loaded.has("taken")) {
      device_steps->load(loaded);
    } else {
      device_steps->go_on_after(progress_.steps);
    }
  } else if constexpr (Traits::captures) {
    begin_capture(false);
  }
}

/// Returns whether the run's steps are to be captured.
template <class M, class Policies>
bool BasicTrainer<M, Policies>::begin_capture(bool skips_on_device) {
  using Execution = PolicyAt<slot::execution>;
  auto obstacle = capture_obstacle(skips_on_device);
  if (!obstacle.empty()) {
    captured_.refuse(std::move(obstacle));
    return false;
  }
  std::vector<at::Tensor> fixed;
  for (const auto& [name, parameter] : parameters()) fixed.push_back(parameter);
  for (const auto& [name, buffer] : unique_buffers(*model())) fixed.push_back(buffer);
  captured_.begin({typename Execution::Backend(run_.device), at<slot::execution>().plan(),
                   std::move(fixed), model()->modules()});
  return true;
}

/// Why this run's steps cannot be captured, as a clause; empty if they can.
template <class M, class Policies>
std::string BasicTrainer<M, Policies>::capture_obstacle(bool skips_on_device) {
  static constexpr Sentence by_type = CaptureObstacle<Policies>::sentence;
  if constexpr (!by_type.empty()) {
    return std::string(by_type.view());
  } else {
    if (ranks() != nullptr) {
      return "gradients are summed over processes, which a graph cannot wait for";
    }
    if (sets_momentum(at<slot::schedule>())) {
      return "the schedule sets momentum, a number of the host that a graph would freeze; set "
             "schedule.cycle_momentum to false";
    }
    if (!at<slot::optimizer>().steps_on_device()) {
      return "the optimizer cannot step on the device with its numbers (steps_on_device)";
    }
    if (at<slot::guard>().plan().each_step) {
      return "guard.each_step waits for the device before each step";
    }
    if (model_step_.scaler() != nullptr && !skips_on_device) {
      return "gradients are scaled and the host must know of each step whether it was skipped, for "
             "hooks around the step, averaged weights, a schedule that follows the results or "
             "stop_after_steps";
    }
    return PolicyAt<slot::execution>::Backend::obstacle(run_.device);
  }
}

}  // namespace gradus
