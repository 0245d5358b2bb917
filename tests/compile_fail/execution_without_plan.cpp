// expects: policy Replayed of axis execution has no `plan`; add `gradus::CapturePlan plan() const`.
#include "mini.hpp"
#include <gradus/policy/execution/captured_step.hpp>

struct Replayed {
  using slot = slot::execution;
  static constexpr std::string_view name = "Replayed";
  static constexpr bool captures = true;
  using Backend = CudaGraphs;
  static constexpr auto fields() { return no_fields; }
};

Trainer<Net, Replayed> trainer;
