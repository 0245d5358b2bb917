/// Keeps the lines that a run says, with the time of each, for the report.
#pragma once

#include <gradus/core/events.hpp>
#include <gradus/error.hpp>
#include <gradus/observe/lines.hpp>
#include <gradus/observe/text.hpp>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace gradus::observe {

/// Gives seconds since any fixed moment, never going back.
using Clock = std::function<double()>;

/// Seconds of the steady clock; only differences mean something.
[[nodiscard]] inline double monotonic_seconds() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

/// Observer that remembers a line at the start, one per epoch and warning, one at the end, and
/// every line added to it, each with the seconds since the log was made. That of an epoch ends with
/// the gradient norm last read in it.
class Log {
 public:
  explicit Log(Clock clock = monotonic_seconds) : clock_(std::move(clock)), start_(clock_()) {}

  /// From now on every line is also added to the file `path`; those that it holds already come
  /// first. Throws ResourceError if it cannot be opened.
  void keep_in(const std::filesystem::path& path) {
    std::vector<std::string> lines;
    std::ifstream before(path);
    for (std::string line; std::getline(before, line);) lines.push_back(line);
    lines_.insert(lines_.begin(), lines.begin(), lines.end());
    file_.open(path, std::ios::app);
    if (!file_) {
      throw ResourceError("Cannot write the log to " + path.string() +
                          "; give a folder that can be written to.");
    }
  }

  void on(const FitBegin& event) { say(line_of(event)); }
  void on(const StepEnd& event) {
    if (event.gradient_norm) gradient_norm_ = event.gradient_norm;
    if (!event.warning.empty()) say("warning: " + event.warning);
  }
  void on(const EpochEnd& event) {
    const auto norm = std::exchange(gradient_norm_, std::nullopt);
    say(line_of(event) + (norm ? "  gradient norm " + three_digits(*norm) : ""));
  }
  void on(const FitEnd& event) { say(line_of(event)); }

  /// Keeps `line`, such as a choice made at run time, without its control characters.
  void say(std::string_view line) {
    std::string stamp = fixed(clock_() - start_, 1);
    stamp.insert(0, 8 - std::min<std::size_t>(8, stamp.size()), ' ');
    lines_.push_back("[" + stamp + " s] " + printable(line));
    if (file_.is_open()) file_ << lines_.back() << std::endl;
  }

  [[nodiscard]] const std::vector<std::string>& lines() const { return lines_; }

 private:
  Clock clock_;
  double start_;
  std::vector<std::string> lines_;
  std::ofstream file_;
  std::optional<double> gradient_norm_;  ///< of the epoch that runs
};

}  // namespace gradus::observe
