/// The whole step as one CUDA graph.
#pragma once

#include <gradus/compose/field.hpp>
#include <gradus/device/cuda_graphs.hpp>
#include <gradus/policy/execution/capture_plan.hpp>
#include <gradus/policy/execution/concept.hpp>

#include <cstdint>

namespace gradus {

/// When to use: CUDA, and steps so short that the processor cannot enqueue their kernels as fast as
/// the device runs them. Where a step cannot be captured the run uses eager steps, and
/// `execution_report()` of the trainer says why.
///
/// Source: PyTorch's notes on CUDA semantics, "CUDA Graphs"; 3 warm-up steps at least, of which
/// cuDNN's search for kernels and lazy initialization make use.
struct CapturedStep {
  using slot = slot::execution;
  static constexpr std::string_view name = "CapturedStep";
  static constexpr bool captures = true;
  using Backend = CudaGraphs;

  std::int64_t warmup_steps = 3;
  std::int64_t max_graphs = 4;

  static constexpr auto fields() {
    return fields_of(field("warmup_steps", &CapturedStep::warmup_steps, at_least(3),
                           "steps before a capture, for each form of batch"),
                     field("max_graphs", &CapturedStep::max_graphs, at_least(1),
                           "forms of batch that are kept, the last ones used"));
  }

  [[nodiscard]] CapturePlan plan() const { return {warmup_steps, max_graphs}; }
};
static_assert(ExecutionPolicy<CapturedStep>);

}  // namespace gradus
