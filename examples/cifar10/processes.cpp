#include "processes.hpp"

#include <gradus/error.hpp>
#ifdef GRADUS_DISTRIBUTED
#include <gradus/distributed/join_ranks.hpp>
#include <gradus/train/run/ranks.hpp>
#endif

#include <algorithm>
#include <arpa/inet.h>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstring>
#include <iostream>
#include <netinet/in.h>
#include <optional>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>
#include <utility>
#include <vector>

namespace cifar10 {

using namespace std::chrono_literals;

namespace {

constexpr auto other_command = "train and compare can be shared by several processes, but ";

/// Of the loopback address, and free a moment ago.
std::uint16_t free_port() {
  const int descriptor = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  auto* any = reinterpret_cast<sockaddr*>(&address);
  const bool found = descriptor >= 0 && ::bind(descriptor, any, size) == 0 &&
                     ::getsockname(descriptor, any, &size) == 0;
  const std::string cause = std::strerror(errno);
  if (descriptor >= 0) ::close(descriptor);
  if (found) return ntohs(address.sin_port);
  throw gradus::ResourceError("there is no port at which processes could meet (" + cause + ").");
}

/// In a new process: becomes rank `rank` of `size`, which ends with the one that has started it.
[[noreturn]] void become(std::int64_t rank, std::int64_t size, std::uint16_t port, ::pid_t parent,
                         char** arguments) {
  const auto set = [](const char* name, const std::string& value, bool replaces = true) {
    ::setenv(name, value.c_str(), replaces ? 1 : 0);
  };
  set("RANK", std::to_string(rank));
  set("LOCAL_RANK", std::to_string(rank));
  set("WORLD_SIZE", std::to_string(size));
  set("MASTER_ADDR", gradus::ProcessPlace::loopback);
  set("MASTER_PORT", std::to_string(port));
  const auto cores = std::max<std::int64_t>(std::thread::hardware_concurrency(), 1);
  set("OMP_NUM_THREADS", std::to_string(std::max<std::int64_t>(cores / size, 1)), false);
  // What the parent passes on is not taken for a second signal; it waits until `train` can hear it.
  sigset_t passed_on;
  ::sigemptyset(&passed_on);
  ::sigaddset(&passed_on, SIGUSR1);
  ::sigprocmask(SIG_SETMASK, &passed_on, nullptr);
  ::prctl(PR_SET_PDEATHSIG, SIGTERM);
  if (::getppid() == parent) ::execv("/proc/self/exe", arguments);
  std::_Exit(static_cast<int>(gradus::ExitCode::resource));
}

/// Processes that were started, killed if they outlive this.
class Started {
 public:
  Started() = default;
  Started(const Started&) = delete;
  Started& operator=(const Started&) = delete;
  ~Started() {
    signal(SIGKILL);
    for (const auto process : running_) ::waitpid(process, nullptr, 0);
  }

  void add(::pid_t process) {
    all_.push_back(process);
    running_.push_back(process);
  }
  [[nodiscard]] bool run() const { return !running_.empty(); }
  void signal(int number) const {
    for (const auto process : running_) ::kill(process, number);
  }
  /// Takes note of those that have ended by now.
  void reap() {
    int status = 0;
    for (auto process = ::waitpid(-1, &status, WNOHANG); process > 0;
         process = ::waitpid(-1, &status, WNOHANG)) {
      std::erase(running_, process);
      const bool killed = WIFSIGNALED(status);
      if (killed) {
        const auto rank = std::ranges::find(all_, process) - all_.begin();
        std::cerr << "gradus-cifar10: rank " << rank << " was ended by signal " << WTERMSIG(status)
                  << " (" << ::strsignal(WTERMSIG(status)) << ")." << std::endl;
      }
      const int code =
          killed ? static_cast<int>(gradus::ExitCode::distributed) : WEXITSTATUS(status);
      if (code != 0 && !failure_) failure_ = code;
    }
  }
  [[nodiscard]] const std::optional<int>& failure() const { return failure_; }

 private:
  std::vector<::pid_t> all_, running_;
  std::optional<int> failure_;
};

}  // namespace

gradus::ProcessPlace own_place(const std::string& command) {
  auto place = gradus::place_from_environment();
  if (place.size == 1) return place;
  if (command != "train" && command != "compare") {
    throw gradus::UsageError(other_command + command +
                             " is for one; start it without RANK and WORLD_SIZE.");
  }
#ifndef GRADUS_DISTRIBUTED
  throw gradus::UsageError(
      "this program was built without gradus::distributed, which several processes need; start it "
      "without RANK and WORLD_SIZE, or build it with Gloo's headers.");
#endif
  return place;
}

void among_processes([[maybe_unused]] const Options& options, const std::function<void()>& body) {
#ifdef GRADUS_DISTRIBUTED
  double seconds = 300;
  for (const auto& setting : options.settings) {
    if (setting.axis != "distribution" || setting.field != "timeout_seconds") continue;
    if (setting.value.is_number()) seconds = setting.value.get<double>();
  }
  const auto joined = gradus::shared_ranks(
      std::chrono::milliseconds(static_cast<std::int64_t>(std::clamp(seconds, 1.0, 1e6) * 1000)));
  try {
    body();
  } catch (const std::exception& error) {
    gradus::leave(joined.get(), error);
    throw;
  }
#else
  body();
#endif
}

int run_processes(std::int64_t count, char** arguments, bool can_stop) {
  sigset_t watched;
  ::sigemptyset(&watched);
  for (const int number : {SIGINT, SIGTERM, SIGCHLD}) ::sigaddset(&watched, number);
  ::sigprocmask(SIG_BLOCK, &watched, nullptr);
  std::signal(SIGCHLD, SIG_DFL);  // where it is ignored, nobody can be waited for
  const auto port = free_port();
  const auto parent = ::getpid();
  Started processes;
  for (std::int64_t rank = 0; rank < count; ++rank) {
    const auto process = ::fork();
    if (process == 0) become(rank, count, port, parent, arguments);
    if (process < 0) {
      throw gradus::ResourceError("process " + std::to_string(rank + 1) + " of " +
                                  std::to_string(count) + " could not be started (" +
                                  std::strerror(errno) + "); take fewer.");
    }
    processes.add(process);
  }
  // Where one has failed the others notice, or are told when they have had time for it.
  std::optional<std::chrono::steady_clock::time_point> next;
  int number = SIGTERM;
  while (processes.run()) {
    const timespec wait{.tv_sec = 1, .tv_nsec = 0};
    siginfo_t info{};
    const int got = ::sigtimedwait(&watched, &info, &wait);
    if (got == SIGINT || got == SIGTERM) processes.signal(can_stop ? SIGUSR1 : got);
    processes.reap();
    const auto now = std::chrono::steady_clock::now();
    const bool fails =
        processes.failure() && processes.failure() != static_cast<int>(gradus::ExitCode::stopped);
    if (fails && !next) next = now + 15s;
    if (next && now > *next) {
      processes.signal(std::exchange(number, SIGKILL));
      next = now + 15s;
    }
  }
  return processes.failure().value_or(0);
}

}  // namespace cifar10
