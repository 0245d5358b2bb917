/// The report of a run while it trains: one page that is written again after each epoch.
#pragma once

#include <gradus/core/events.hpp>
#include <gradus/error.hpp>
#include <gradus/files/write_file.hpp>
#include <gradus/observe/comparison.hpp>
#include <gradus/observe/log.hpp>
#include <gradus/observe/pace.hpp>
#include <gradus/observe/report.hpp>
#include <gradus/observe/run_record.hpp>

#include <cstdint>
#include <exception>
#include <filesystem>
#include <functional>
#include <iostream>
#include <string>
#include <utility>

namespace gradus::observe {

/// What a page shows beside the run that trains.
struct LiveReportPlan {
  Comparison with{};         ///< runs that are over, environment, notes, runs to come
  const Log* log = nullptr;  ///< whose lines are shown; null: one of its own
  /// Is told once that the page cannot be written any more.
  std::function<void(const std::string&)> announce = [](const std::string& sentence) {
    std::cerr << sentence << '\n';
  };
};

/// Observer that writes an HTML page: when the run begins, after each epoch (at most once a
/// second), and when the run is over. While the run trains the page says how far it is and how long
/// it will take, and a browser reloads it every 10 seconds. A reader sees a whole page always.
///
///     observe::LiveReport page(trainer, "runs/1/report.html");
///     trainer.fit(train, test, page);
///
/// A run that resumes shows its earlier epochs too. `on(FitBegin)` throws ResourceError if the page
/// cannot be written, so that a wrong path costs nothing. A failure later on is announced once, and
/// the run continues: the page holds nothing that the run's history and metrics do not hold, so it
/// is not worth a run of hours. The next epoch tries again; `failure` has the last failure. A page
/// that is destroyed while its run trains, by an exception, says that an error has ended it.
class LiveReport {
 public:
  /// `run` has what is known before; events give the rest. If it is of a run that resumes, it has
  /// the earlier epochs.
  explicit LiveReport(std::filesystem::path page, RunRecord run = {.name = "run"},
                      LiveReportPlan plan = {}, Clock clock = monotonic_seconds)
      : page_(std::move(page)),
        plan_(std::move(plan)),
        clock_(std::move(clock)),
        own_log_(clock_),
        comparison_(std::move(plan_.with)) {
    run.state = RunState::trains;
    comparison_.runs.push_back(std::move(run));
  }

  /// Likewise, with the earlier epochs of `trainer`, which must outlive it.
  template <class T>
  LiveReport(const T& trainer, std::filesystem::path page, RunRecord run, LiveReportPlan plan = {},
             Clock clock = monotonic_seconds)
      : LiveReport(std::move(page), std::move(run), std::move(plan), std::move(clock)) {
    history_ = [&trainer]() -> const History& { return trainer.history(); };
  }

  /// Likewise, with what `run_record` knows of it.
  template <class T>
  LiveReport(T& trainer, std::filesystem::path page, const std::string& name = "run")
      : LiveReport(trainer, std::move(page), run_record(trainer, name)) {}

  LiveReport(const LiveReport&) = delete;
  LiveReport& operator=(const LiveReport&) = delete;

  ~LiveReport() {
    if (!begun_ || run().state != RunState::trains) return;
    run().state = RunState::failed;
    try {
      write();
    } catch (...) {  // what is on its way says more
    }
  }

  void on(const FitBegin& event) {
    begun_ = true;
    RunRecord& run = this->run();
    run.state = RunState::trains;
    run.planned_epochs = event.epochs;
    if (run.train_samples == 0) run.train_samples = event.samples_per_epoch;
    if (history_)
      run.epochs = history_().epochs;
    else if (event.steps_done == 0)
      run.epochs.clear();
    run.seconds_left.reset();
    own_log_.on(event);
    pace_.on(event);
    write();
    next_write_ = clock_() + seconds_between_writes;
  }

  void on(const StepEnd& event) {
    own_log_.on(event);
    pace_.on(event, clock_());
  }

  void on(const EpochEnd& event) {
    RunRecord& run = this->run();
    run.epochs.push_back(event.record);
    if (event.record.test && run.test_samples == 0) run.test_samples = event.record.test->samples;
    own_log_.on(event);
    const double now = clock_();
    pace_.on(event, now);
    run.seconds_left = pace_.seconds_left();
    if (now < next_write_) return;
    next_write_ = now + seconds_between_writes;
    write_or_announce();
  }

  void on(const FitEnd& event) {
    RunRecord& run = this->run();
    if (event.history != nullptr) {
      run.epochs = event.history->epochs;
      run.end = event.history->end;
      run.stopped_early = event.history->stopped_early;
    }
    run.state = RunState::over;
    run.seconds_left.reset();
    own_log_.on(event);
    write_or_announce();
  }

  [[nodiscard]] const std::filesystem::path& page() const { return page_; }
  /// Why the page could not be written the last time; empty if it was.
  [[nodiscard]] const std::string& failure() const { return failure_; }

 private:
  static constexpr double seconds_between_writes = 1;

  [[nodiscard]] RunRecord& run() { return comparison_.runs.back(); }

  void write() {
    run().log = (plan_.log != nullptr ? *plan_.log : own_log_).lines();
    write_file(page_, report_html(comparison_));
    failure_.clear();
  }

  void write_or_announce() {
    try {
      write();
    } catch (const Error& error) {
      failure_ = error.what();
      if (!std::exchange(announced_, true) && plan_.announce)
        plan_.announce(failure_ + " The run continues without its page.");
    }
  }

  std::filesystem::path page_;
  LiveReportPlan plan_;
  Clock clock_;
  Log own_log_;
  Comparison comparison_;  ///< this run is its last
  std::function<const History&()> history_;
  Pace pace_;
  std::string failure_;
  double next_write_ = 0;
  bool begun_ = false;
  bool announced_ = false;
};

}  // namespace gradus::observe
