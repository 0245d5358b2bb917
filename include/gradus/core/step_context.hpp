/// What a hook is told of the step that it takes part in.
#pragma once

#include <gradus/core/parameters.hpp>

#include <cstdint>
#include <vector>

namespace gradus {

/// What a hook is given: the parameters, and which step and micro-batch of the run this is.
struct StepContext {
  const std::vector<NamedTensor>& parameters;  ///< each trained one once, with its gradient
  std::uint64_t seed = 0;                      ///< of the run
  std::int64_t epoch = 0;                      ///< from 0
  std::int64_t step = 0;                       ///< optimizer steps done before this one
  std::int64_t total_steps = 0;                ///< planned
  std::int64_t micro_batch = 0;                ///< of the window, from 0
};

}  // namespace gradus
