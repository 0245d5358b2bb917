/// Shows a person how a run is getting on.
#pragma once

#include <gradus/core/events.hpp>
#include <gradus/observe/lines.hpp>
#include <gradus/observe/live_line.hpp>
#include <gradus/observe/log.hpp>
#include <gradus/observe/pace.hpp>
#include <gradus/observe/terminal.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace gradus::observe {

/// A bar `cells` columns wide, filled to `fraction`; half a cell counts where there are such signs.
[[nodiscard]] inline std::string bar(double fraction, int cells, bool unicode) {
  const double share = std::isfinite(fraction) ? std::clamp(fraction, 0.0, 1.0) : 0.0;
  const auto halves = static_cast<int>(share * 2 * cells);
  std::string text;
  for (int cell = 0; cell < cells; ++cell) {
    const int filled = std::clamp(halves - 2 * cell, 0, 2);
    if (unicode)
      text += filled == 2 ? "━" : filled == 1 ? "╸" : "┄";
    else
      text += filled == 2 ? '=' : filled == 1 ? '>' : '.';
  }
  return text;
}

/// Observer that draws one line on a terminal, at most ten times a second, and leaves a line per
/// epoch behind; anything that is not a terminal gets those lines only, plain. For --quiet, make
/// none. Writes to standard error unless told otherwise.
class Progress {
 public:
  /// `name`: of the configuration.
  explicit Progress(std::string name, Terminal terminal = Terminal::standard_error(),
                    Clock clock = monotonic_seconds)
      : name_(printable(name)), line_(terminal), clock_(std::move(clock)), start_(clock_()) {}

  void on(const FitBegin& event) {
    start_ = clock_();
    epochs_ = event.epochs;
    steps_per_epoch_ = event.steps_per_epoch;
    pace_.on(event);
    line_.say(name_ + "  " + line_of(event));
  }

  void on(const StepEnd& event) {
    const double now = clock_();
    pace_.on(event, now);
    if (event.train_loss) loss_ = event.train_loss;
    if (event.train_loss) gradient_norm_ = event.gradient_norm;
    if (!event.warning.empty()) say("warning: " + event.warning);
    const bool ends_epoch = steps_per_epoch_ > 0 && event.step % steps_per_epoch_ == 0;
    if (!line_.terminal().interactive || (now < next_draw_ && !ends_epoch)) return;
    next_draw_ = now + seconds_between_draws;
    line_.draw(live_text(event, now));
  }

  void on(const EpochEnd& event) {
    pace_.on(event, clock_());
    line_.say(name_ + "  " + line_of(event));
    next_draw_ = 0;
  }

  void on(const FitEnd& event) { line_.say(name_ + "  " + line_of(event)); }

  /// Shows another line of the run, such as a choice made at run time.
  void say(const std::string& line) { line_.say(name_ + "  " + line); }

 private:
  static constexpr double seconds_between_draws = 0.1;

  [[nodiscard]] std::string live_text(const StepEnd& event, double now) const {
    const Terminal& terminal = line_.terminal();
    const auto width = static_cast<std::size_t>(std::max(1, terminal.width() - 1));
    const double done = event.total_steps > 0 ? static_cast<double>(event.step) /
                                                    static_cast<double>(event.total_steps)
                                              : 0.0;
    const int cells = std::clamp(static_cast<int>(width) - 80, 10, 30);
    // A run is not done before it is: 100 only at the last step.
    std::string share = std::to_string(static_cast<int>(100 * std::clamp(done, 0.0, 1.0))) + "%";
    share.insert(0, 4 - std::min<std::size_t>(4, share.size()), ' ');
    std::vector<LinePart> parts = {
        {name_, 1, "1"},
        {"epoch " + epoch_of(event.epoch, epochs_), 2},
        {bar(done, cells, terminal.unicode), 4, "36"},
        {share, 0},
    };
    if (const auto speed = pace_.samples_per_second())
      parts.push_back({rate(*speed) + " samples/s", 5});
    if (loss_) parts.push_back({"loss " + metric_text(*loss_, 3), 6});
    if (gradient_norm_) parts.push_back({"gradient norm " + three_digits(*gradient_norm_), 8});
    parts.push_back({clock_time(now - start_), 7, "2"});
    if (const auto left = pace_.seconds_left())
      parts.push_back({clock_time(*left) + " left", 3, "2"});
    return fit(std::move(parts), width, terminal.colour);
  }

  std::string name_;
  LiveLine line_;
  Clock clock_;
  double start_;
  double next_draw_ = 0;
  std::int64_t epochs_ = 0;
  std::int64_t steps_per_epoch_ = 0;
  std::optional<double> loss_, gradient_norm_;  ///< as last read
  Pace pace_;
};

}  // namespace gradus::observe
