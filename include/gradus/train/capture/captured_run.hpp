/// What a trainer holds of a run whose steps are captured; nothing where they are not.
#pragma once

#include <gradus/core/batch.hpp>
#include <gradus/data/pinned.hpp>
#include <gradus/train/capture/execution_report.hpp>
#include <gradus/train/capture/step_graph.hpp>

#include <ATen/ops/empty.h>
#include <c10/core/Device.h>

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace gradus {

/// The captured steps of a run: its graphs, and the report about them. The primary template is for
/// policies that capture nothing.
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
  void begin(Graph graph) {
    graph_.emplace(std::move(graph));
    parts_.reset();
  }
  void refuse(std::string reason) {
    graph_.reset();
    refused_ = {.reason = std::move(reason)};
  }

  /// Absent if no step of the run is to be captured.
  [[nodiscard]] std::optional<Graph>& graph() { return graph_; }
  [[nodiscard]] const ExecutionReport& report() const {
    return graph_ ? graph_->report() : refused_;
  }

  /// Notes the part of each batch in what counts in `window`, where a graph on `device` finds it.
  /// `most` is the number of batches that a window of the run has at most.
  template <class B>
  void set_parts(const std::vector<Weighed<B>>& window, std::int64_t most, c10::Device device) {
    double total = 0;
    for (const auto& batch : window) total += batch.weight;
    const auto count = static_cast<std::int64_t>(window.size());
    auto parts = at::empty({count}, at::kDouble);
    auto* part = parts.mutable_data_ptr<double>();
    for (const auto& batch : window) *part++ = batch.weight / total;
    if (!parts_.defined()) parts_ = at::empty({most}, parts.options().device(device));
    if (!device.is_cpu() && data::can_pin_memory()) parts = data::pinned(parts);
    parts_.narrow(0, 0, count).copy_(parts, /*non_blocking=*/true);
  }
  /// [], of batch `number`.
  [[nodiscard]] at::Tensor part(std::int64_t number) const { return parts_.select(0, number); }

 private:
  std::optional<Graph> graph_;
  at::Tensor parts_;  ///< float64 [most batches], on the device, in one place for all graphs
  ExecutionReport refused_;
};

}  // namespace gradus
