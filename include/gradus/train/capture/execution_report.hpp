/// What became of the steps that were to be captured.
#pragma once

#include <cstdint>
#include <string>

namespace gradus {

/// How many steps were captured and replayed, and why not all were.
struct ExecutionReport {
  std::int64_t warm_ups = 0;  ///< steps on the side stream, before a capture
  std::int64_t captures = 0;  ///< graphs made
  std::int64_t replays = 0;   ///< steps by a graph
  /// Why the other steps were not captured, without a full stop; empty if nothing stood in the way.
  std::string reason;
};

}  // namespace gradus
