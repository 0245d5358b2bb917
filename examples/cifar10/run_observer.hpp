/// Everything that the program watches a run with, in one type: a trainer is compiled once for it.
#pragma once

#include <gradus/checkpoint/checkpoints.hpp>
#include <gradus/core/events.hpp>
#include <gradus/observe/live_report.hpp>
#include <gradus/observe/log.hpp>
#include <gradus/observe/metrics.hpp>
#include <gradus/observe/progress.hpp>
#include <gradus/observe/tensorboard.hpp>

#include <optional>
#include <vector>

namespace cifar10 {

/// Rate over all steps but the first fifth, which warms up.
struct Stopwatch {
  std::vector<gradus::StepEnd> steps;

  void on(const gradus::StepEnd& event) { steps.push_back(event); }

  [[nodiscard]] double images_per_second() const {
    const auto& last = steps.back();
    const auto first = steps.size() < 5 ? gradus::StepEnd{} : steps[steps.size() / 5];
    return static_cast<double>(last.samples - first.samples) /
           (last.train_seconds - first.train_seconds);
  }
};

/// Of a run of trainer `T`. What is written comes before what saves: a checkpoint knows how long
/// the files were.
template <class T>
struct RunObserver {
  gradus::observe::Log log;
  std::optional<gradus::observe::MetricsFile> metrics;
  std::optional<gradus::observe::TensorBoard> tensorboard;
  std::optional<gradus::observe::LiveReport> page;
  std::optional<gradus::observe::Progress> progress;
  std::optional<Stopwatch> stopwatch;
  std::optional<gradus::Checkpoints<T>> checkpoints;

  template <class Event>
  void on(const Event& event) {
    tell(log, event);
    if (metrics) tell(*metrics, event);
    if (tensorboard) tell(*tensorboard, event);
    if (page) tell(*page, event);
    if (progress) tell(*progress, event);
    if (stopwatch) tell(*stopwatch, event);
    if (checkpoints) tell(*checkpoints, event);
  }

 private:
  template <class Observer, class Event>
  static void tell(Observer& observer, const Event& event) {
    if constexpr (requires { observer.on(event); }) observer.on(event);
  }
};

}  // namespace cifar10
