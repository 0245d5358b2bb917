/// Seconds of training, over a run and over its epoch, without what lies between.
#pragma once

#include <gradus/core/state_dict.hpp>

#include <chrono>
#include <optional>

namespace gradus {

/// Of a monotonic clock, so that nobody who sets the time changes it. What was loaded continues.
class TrainClock {
 public:
  void start() { begun_ = Clock::now(); }
  void stop() {
    run_ += since();
    epoch_ += since();
    waited_ += waited_since_;
    waited_since_ = 0;
    begun_.reset();
  }
  void end_epoch() { epoch_ = waited_ = 0; }

  /// Seconds spent waiting for data since the start.
  void set_waited(double seconds) { waited_since_ = seconds; }

  [[nodiscard]] double run() const { return run_ + since(); }
  [[nodiscard]] double epoch() const { return epoch_ + since(); }
  [[nodiscard]] double waited() const { return waited_ + waited_since_; }  ///< in this epoch

  void save(StateDict& to) const {
    to.put("run", run());
    to.put("epoch", epoch());
    to.put("waited", waited());
  }
  void load(const StateDict& from) {
    *this = TrainClock();
    run_ = from.real("run");
    epoch_ = from.real("epoch");
    waited_ = from.real("waited");
  }

 private:
  using Clock = std::chrono::steady_clock;

  [[nodiscard]] double since() const {
    return begun_ ? std::chrono::duration<double>(Clock::now() - *begun_).count() : 0;
  }

  double run_ = 0;
  double epoch_ = 0;
  double waited_ = 0;
  double waited_since_ = 0;
  std::optional<Clock::time_point> begun_;
};

}  // namespace gradus
