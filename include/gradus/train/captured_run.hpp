/// What a trainer holds of a run whose steps are captured; nothing where they are not.
#pragma once

#include <gradus/train/execution_report.hpp>
#include <gradus/train/step_graph.hpp>

#include <optional>
#include <string>
#include <utility>

namespace gradus {

template <class Execution, bool Captures = Execution::captures>
class CapturedRun {
 public:
  [[nodiscard]] const ExecutionReport& report() const {
    static const ExecutionReport none{.reason = "the execution policy captures no steps"};
    return none;
  }
};

template <class Execution>
class CapturedRun<Execution, true> {
 public:
  using Graph = StepGraph<typename Execution::Backend>;

  /// A new run, whose steps are captured by `graph`, or not at all.
  void begin(Graph graph) { graph_.emplace(std::move(graph)); }
  void refuse(std::string reason) {
    graph_.reset();
    refused_ = {.reason = std::move(reason)};
  }

  /// Absent if no step of the run is to be captured.
  [[nodiscard]] std::optional<Graph>& graph() { return graph_; }
  [[nodiscard]] const ExecutionReport& report() const {
    return graph_ ? graph_->report() : refused_;
  }

 private:
  std::optional<Graph> graph_;
  ExecutionReport refused_;
};

}  // namespace gradus
