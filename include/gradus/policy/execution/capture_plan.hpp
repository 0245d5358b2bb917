/// How steps are captured, in numbers: what an execution policy asks of the loop.
#pragma once

#include <cstdint>

namespace gradus {

/// What an execution policy asks of the loop: when a step is captured as a graph, and how many
/// graphs are kept.
struct CapturePlan {
  std::int64_t warmup_steps =
      3;                        ///< steps run before a capture, for each form of batch; 3 at least
  std::int64_t max_graphs = 4;  ///< forms of batch that are kept, the last ones used
};

}  // namespace gradus
