#include "catch.hpp"
#include "support.hpp"
#include <gradus/observe/log.hpp>
#include <gradus/observe/pace.hpp>
#include <gradus/observe/progress.hpp>

#include <algorithm>
#include <cstdlib>
#include <fcntl.h>
#include <map>
#include <optional>
#include <sstream>
#include <string>
#include <sys/ioctl.h>
#include <unistd.h>
#include <vector>

namespace observe = gradus::observe;
using observe_test::contains;

namespace {

constexpr auto escape = '\x1b';

gradus::StepEnd step(std::int64_t done, std::int64_t total, double seconds) {
  return {.epoch = 1,
          .step = done,
          .total_steps = total,
          .samples = 100 * done,
          .learning_rate = 0.1,
          .train_seconds = seconds,
          .train_loss = 1.25,
          .gradient_norm = 0.04567,
          .warning = {}};
}

gradus::EpochEnd epoch_end(std::int64_t epoch, std::int64_t epochs) {
  gradus::EpochEnd event{.record = observe_test::run("any", {{4, 250}}).epochs.front(),
                         .epochs = epochs};
  event.record.epoch = epoch;
  return event;
}

/// Two epochs of 50 steps, 20 ms each, on a clock of the test's own.
std::string shown_by(observe::Terminal terminal, const std::string& name = "optimized") {
  std::ostringstream stream;
  terminal.stream = &stream;
  double now = 100;
  observe::Progress progress(name, terminal, [&now] { return now; });
  progress.on(gradus::FitBegin{.epochs = 2, .steps_per_epoch = 50, .samples_per_epoch = 5'000});
  for (std::int64_t done = 1; done <= 100; ++done) {
    now += 0.02;
    progress.on(step(done, 100, 0.02 * static_cast<double>(done)));
    if (done % 50 == 0) progress.on(epoch_end(done / 50, 2));
  }
  progress.on(gradus::FitEnd{});
  return stream.str();
}

/// Puts environment variables back as they were.
class Environment {
 public:
  explicit Environment(const std::vector<std::string>& names) {
    for (const auto& name : names) {
      const char* value = std::getenv(name.c_str());
      before_[name] = value == nullptr ? std::nullopt : std::optional<std::string>(value);
    }
  }
  Environment(const Environment&) = delete;
  Environment& operator=(const Environment&) = delete;
  ~Environment() {
    for (const auto& [name, value] : before_)
      value ? ::setenv(name.c_str(), value->c_str(), 1) : ::unsetenv(name.c_str());
  }

 private:
  std::map<std::string, std::optional<std::string>> before_;
};

observe::Terminal screen(int columns, bool colour) {
  return {.interactive = true, .colour = colour, .unicode = true, .columns = columns};
}

}  // namespace

CATCH_TEST_CASE("progress on what is no terminal is plain lines, without one escape", "[observe]") {
  const auto text = shown_by({}, "opti\x1b[31mmized");
  CATCH_CHECK(text.find(escape) == std::string::npos);
  CATCH_CHECK(text.find('\r') == std::string::npos);
  CATCH_CHECK(std::count(text.begin(), text.end(), '\n') == 4);  // start, two epochs, end
  CATCH_CHECK(contains(text, "epoch 2/2  train loss 2.0000  test accuracy 25.00%"));
}

CATCH_TEST_CASE("progress on a terminal redraws one line at most ten times a second", "[observe]") {
  const auto text = shown_by(screen(120, true));
  const auto drawn = std::count(text.begin(), text.end(), '\r');
  CATCH_CHECK(drawn >= 10);
  CATCH_CHECK(drawn <= 30);  // 2 s, the end of each epoch, and the lines that stay
  CATCH_CHECK(contains(text, "epoch 1/2"));
  CATCH_CHECK(contains(text, "5,000 samples/s"));
  CATCH_CHECK(contains(text, "loss 1.250"));
  CATCH_CHECK(contains(text, "gradient norm 0.0457"));
  CATCH_CHECK(contains(text, "left"));
  CATCH_CHECK(contains(text, "100%"));
}

CATCH_TEST_CASE("progress has no colours under NO_COLOR but still redraws", "[observe]") {
  const auto text = shown_by(screen(120, false));
  CATCH_CHECK_FALSE(contains(text,
                             "m"
                             "\x1b["));
  CATCH_CHECK_FALSE(contains(text, "\x1b[36m"));
  CATCH_CHECK(contains(text, "\x1b[K"));
}

CATCH_TEST_CASE("a live line is never wider than the terminal", "[observe]") {
  for (const int width : {200, 80, 60, 40, 20, 8, 1}) {
    std::istringstream text(shown_by(screen(width, false)));
    for (std::string line; std::getline(text, line, '\r');) {
      const auto end = line.find("\x1b[K");
      if (end == std::string::npos || end == 0) continue;
      CATCH_CHECK(observe::columns(line.substr(0, end)) <=
                  static_cast<std::size_t>(std::max(1, width - 1)));
    }
  }
}

CATCH_TEST_CASE("an interrupted live line is ended, so that the error starts on its own",
                "[observe]") {
  std::ostringstream stream;
  auto terminal = screen(80, true);
  terminal.stream = &stream;
  {
    observe::Progress progress("optimized", terminal);
    progress.on(step(1, 100, 0.1));
    auto moved = std::move(progress);
    CATCH_CHECK(stream.str().back() != '\n');
  }
  const auto text = stream.str();
  CATCH_CHECK(text.back() == '\n');
  CATCH_CHECK(std::count(text.begin(), text.end(), '\n') == 1);
}

CATCH_TEST_CASE("what is no terminal gets plain lines of 80 columns", "[observe]") {
  std::ostringstream stream;
  const auto terminal = observe::Terminal::of(stream, -1);
  CATCH_CHECK_FALSE(terminal.interactive);
  CATCH_CHECK_FALSE(terminal.colour);
  CATCH_CHECK_FALSE(terminal.unicode);
  CATCH_CHECK(terminal.width() == 80);
}

CATCH_TEST_CASE("a terminal is asked for its width, and NO_COLOR, TERM and the locale are heeded",
                "[observe]") {
  const int control = ::posix_openpt(O_RDWR | O_NOCTTY);
  CATCH_REQUIRE(control >= 0);
  CATCH_REQUIRE(::grantpt(control) == 0);
  CATCH_REQUIRE(::unlockpt(control) == 0);
  const int screen = ::open(::ptsname(control), O_RDWR | O_NOCTTY);
  CATCH_REQUIRE(screen >= 0);
  const winsize size{.ws_row = 24, .ws_col = 57, .ws_xpixel = 0, .ws_ypixel = 0};
  CATCH_REQUIRE(::ioctl(screen, TIOCSWINSZ, &size) == 0);
  const Environment environment({"TERM", "NO_COLOR", "LC_ALL"});
  std::ostringstream stream;
  const auto terminal = [&](const char* term, const char* no_color, const char* locale) {
    ::setenv("TERM", term, 1);
    ::setenv("NO_COLOR", no_color, 1);
    ::setenv("LC_ALL", locale, 1);
    return observe::Terminal::of(stream, screen);
  };
  CATCH_CHECK(terminal("xterm", "", "C.UTF-8").interactive);
  CATCH_CHECK(terminal("xterm", "", "C.UTF-8").colour);
  CATCH_CHECK(terminal("xterm", "", "de_DE.utf8").unicode);
  CATCH_CHECK(terminal("xterm", "", "C.UTF-8").width() == 57);
  CATCH_CHECK(terminal("xterm", "1", "C.UTF-8").interactive);
  CATCH_CHECK_FALSE(terminal("xterm", "1", "C.UTF-8").colour);
  CATCH_CHECK_FALSE(terminal("xterm", "", "C").unicode);
  CATCH_CHECK_FALSE(terminal("dumb", "", "C.UTF-8").interactive);
  ::close(screen);
  ::close(control);
}

CATCH_TEST_CASE("the time left is the steps to do at the pace of the last ones", "[observe]") {
  observe::Pace pace;
  pace.on(gradus::FitBegin{.epochs = 1, .steps_per_epoch = 1000, .samples_per_epoch = 100'000});
  CATCH_CHECK_FALSE(pace.seconds_left().has_value());
  double seconds = 50;  // the first step pays for start-up
  for (std::int64_t done = 1; done <= 500; ++done) {
    pace.on(step(done, 1000, seconds), seconds);
    if (done <= 10) CATCH_CHECK_FALSE(pace.seconds_left().has_value());
    seconds += 0.1;
  }
  CATCH_CHECK(*pace.seconds_left() == Catch::Approx(50).epsilon(1e-9));
  CATCH_CHECK(*pace.samples_per_second() == Catch::Approx(1000).epsilon(1e-9));
}

CATCH_TEST_CASE("the time left follows epochs that cost more", "[observe]") {
  observe::Pace pace;
  double seconds = 0;
  for (std::int64_t done = 1; done <= 750; ++done) {
    seconds += done <= 500 ? 0.1 : 0.4;
    pace.on(step(done, 1000, seconds), seconds);
  }
  // 250 steps to do at 0.4 s; 250 steps ago are five half-lives: within 4%.
  CATCH_CHECK(*pace.seconds_left() == Catch::Approx(100).epsilon(0.04));
}

CATCH_TEST_CASE("evaluation is counted once for each epoch to come, and slows no step",
                "[observe]") {
  observe::Pace pace;
  pace.on(gradus::FitBegin{.epochs = 4, .steps_per_epoch = 100, .samples_per_epoch = 10'000});
  double wall = 0;
  double seconds = 0;
  for (std::int64_t done = 1; done <= 150; ++done) {
    seconds += 0.1;
    wall += 0.1;
    pace.on(step(done, 400, seconds), wall);
    if (done == 100) pace.on(epoch_end(1, 4), wall += 7);
  }
  // 250 steps at 0.1 s, and 3 evaluations of 7 s.
  CATCH_CHECK(*pace.seconds_left() == Catch::Approx(25 + 21).epsilon(1e-9));
}

CATCH_TEST_CASE("a resumed run's pace is that of its own steps", "[observe]") {
  observe::Pace pace;
  for (std::int64_t done = 501; done <= 600; ++done)
    pace.on(step(done, 1000, 9'000 + 0.1 * static_cast<double>(done)), 0);
  CATCH_CHECK(*pace.seconds_left() == Catch::Approx(40).epsilon(1e-9));
}

CATCH_TEST_CASE("the log keeps each line with the seconds since it began", "[observe]") {
  double now = 1'000;
  observe::Log log([&now] { return now; });
  log.on(gradus::FitBegin{.epochs = 1, .steps_per_epoch = 1, .samples_per_epoch = 50'000});
  now += 12.34;
  log.on(epoch_end(1, 1));
  log.say("chosen\nbecause \x1b[31m");
  const gradus::History history{observe_test::run("any", {{4, 250}}).epochs};
  log.on(gradus::FitEnd{&history});
  CATCH_REQUIRE(log.lines().size() == 4);
  CATCH_CHECK(log.lines()[0] == "[     0.0 s] 1 epoch, each 50,000 samples in 1 step");
  CATCH_CHECK(log.lines()[1] ==
              "[    12.3 s] epoch 1/1  train loss 2.0000  test accuracy 25.00%"
              "  test loss 1.5000  4.0 s  250 samples/s");
  CATCH_CHECK(log.lines()[2] == "[    12.3 s] chosen because  [31m");
  CATCH_CHECK(log.lines()[3] ==
              "[    12.3 s] done: 1 epoch, 4.0 s of training, test accuracy 25.00%");
}

CATCH_TEST_CASE("a loss far from 1 is shown in powers of ten", "[observe]") {
  observe::Log log([] { return 0.0; });
  auto end = epoch_end(1, 2);
  end.record.train_loss = 2e-5;
  end.record.test->loss = 3.4e19;
  log.on(end);
  CATCH_CHECK(contains(log.lines()[0], "train loss 2e-05 "));
  CATCH_CHECK(contains(log.lines()[0], "test loss 3.4e+19 "));
}

CATCH_TEST_CASE("a log's line of an epoch has the gradient norm last read in it", "[observe]") {
  observe::Log log([] { return 0.0; });
  log.on(step(1, 4, 0.1));
  auto last = step(2, 4, 0.2);
  last.gradient_norm = 12345.6;
  log.on(last);
  log.on(epoch_end(1, 2));
  auto unread = step(3, 4, 0.3);
  unread.gradient_norm.reset();
  log.on(unread);
  log.on(epoch_end(2, 2));
  CATCH_REQUIRE(log.lines().size() == 2);
  CATCH_CHECK(contains(log.lines()[0], "samples/s  gradient norm 1.23e+04"));
  CATCH_CHECK_FALSE(contains(log.lines()[1], "gradient norm"));
}
