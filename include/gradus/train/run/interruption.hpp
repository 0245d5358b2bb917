/// Whether a run is to end before its end.
#pragma once

#include <gradus/core/stop_request.hpp>

#include <algorithm>
#include <chrono>
#include <optional>

namespace gradus {

/// Somebody asks for it, or the time is over.
class Interruption {
 public:
  /// Thrown by what must not wait for its own end; caught within `fit`.
  struct Now {};

  /// `request` may be null and must live as long as this; `seconds` are of wall-clock time.
  void begin(const StopRequest* request, std::optional<double> seconds) {
    request_ = request;
    end_.reset();
    agreed_.reset();
    if (!seconds) return;
    constexpr double longest = 1e9;  // more would overflow the clock
    const std::chrono::duration<double> time(std::min(*seconds, longest));
    end_ = Clock::now() + std::chrono::duration_cast<Clock::duration>(time);
  }

  [[nodiscard]] bool asked() const { return agreed_.value_or(asked_here()); }
  /// Whether this process asks, of several that end together.
  [[nodiscard]] bool asked_here() const {
    return (request_ != nullptr && request_->asked()) || (end_ && Clock::now() > *end_);
  }
  /// What several processes have agreed on; from now on that alone counts.
  void agree(bool asked) { agreed_ = asked; }

  /// Throws `Now` if an end is asked for.
  void end_if_asked() const {
    if (asked()) throw Now();
  }

 private:
  using Clock = std::chrono::steady_clock;

  const StopRequest* request_ = nullptr;
  std::optional<Clock::time_point> end_;
  std::optional<bool> agreed_;
};

}  // namespace gradus
