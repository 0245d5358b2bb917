/// Several real processes with the variables that torchrun sets.
#pragma once

#include "../folder.hpp"

#include <arpa/inet.h>
#include <chrono>
#include <cstdint>
#include <fcntl.h>
#include <memory>
#include <netinet/in.h>
#include <signal.h>
#include <spawn.h>
#include <stdexcept>
#include <string>
#include <sys/socket.h>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>
#include <utility>
#include <vector>

namespace gradus::test {

/// A port of the loopback address that nobody has; `held` keeps it taken while this lives.
class Port {
 public:
  Port() : socket_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    auto* any = reinterpret_cast<sockaddr*>(&address);
    if (::bind(socket_, any, size) != 0 || ::listen(socket_, 1) != 0 ||
        ::getsockname(socket_, any, &size) != 0) {
      throw std::runtime_error("there is no port");
    }
    number_ = ntohs(address.sin_port);
  }
  Port(const Port&) = delete;
  Port& operator=(const Port&) = delete;
  ~Port() { ::close(socket_); }
  [[nodiscard]] std::string number() const { return std::to_string(number_); }

  static std::string unused() { return Port().number(); }

 private:
  int socket_;
  std::uint16_t number_ = 0;
};

/// One process; killed if it still runs when this goes.
class Process {
 public:
  Process(const std::vector<std::string>& command, const std::vector<std::string>& variables) {
    std::vector<std::string> words{"env",
                                   "-u",
                                   "RANK",
                                   "-u",
                                   "WORLD_SIZE",
                                   "-u",
                                   "MASTER_ADDR",
                                   "-u",
                                   "MASTER_PORT",
                                   "-u",
                                   "GLOO_SOCKET_IFNAME",
                                   "-u",
                                   "TORCHELASTIC_USE_AGENT_STORE",
                                   "-u",
                                   "TORCHELASTIC_RESTART_COUNT",
                                   "OMP_NUM_THREADS=1"};
    words.insert(words.end(), variables.begin(), variables.end());
    words.insert(words.end(), command.begin(), command.end());
    std::vector<char*> arguments;
    for (auto& word : words) arguments.push_back(word.data());
    arguments.push_back(nullptr);
    posix_spawn_file_actions_t files;
    ::posix_spawn_file_actions_init(&files);
    const auto out = (folder_ / "out").string(), err = (folder_ / "err").string();
    ::posix_spawn_file_actions_addopen(&files, 1, out.c_str(), O_CREAT | O_WRONLY, 0600);
    ::posix_spawn_file_actions_addopen(&files, 2, err.c_str(), O_CREAT | O_WRONLY, 0600);
    const int failed =
        ::posix_spawnp(&process_, "env", &files, nullptr, arguments.data(), ::environ);
    ::posix_spawn_file_actions_destroy(&files);
    if (failed != 0) throw std::runtime_error("cannot start a process");
  }
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;
  ~Process() {
    if (!ended_) signal(SIGKILL), wait();
  }

  void signal(int number) const { ::kill(process_, number); }
  /// The exit code, or 128 + the signal.
  int wait() {
    if (ended_) return code_;
    int status = 0;
    ::waitpid(process_, &status, 0);
    ended_ = true;
    code_ = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    return code_;
  }
  [[nodiscard]] std::string out() const { return text_of(folder_ / "out"); }
  [[nodiscard]] std::string err() const { return text_of(folder_ / "err"); }
  void wait_for_output(const std::string& text) const {
    for (int i = 0; i < 3000 && out().find(text) == std::string::npos; ++i) {
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
  }

 private:
  Folder folder_;
  pid_t process_ = 0;
  bool ended_ = false;
  int code_ = -1;
};

/// `size` processes of one run; one without variables where that is 0.
inline std::vector<std::unique_ptr<Process>> started(int size,
                                                     const std::vector<std::string>& command) {
  using Words = std::vector<std::string>;
  std::vector<std::unique_ptr<Process>> all;
  if (size == 0) all.push_back(std::make_unique<Process>(command, Words{}));
  const auto port = Port::unused();
  for (int rank = 0; rank < size; ++rank) {
    const auto number = std::to_string(rank);
    all.push_back(std::make_unique<Process>(
        command,
        Words{"RANK=" + number, "LOCAL_RANK=" + number, "WORLD_SIZE=" + std::to_string(size),
              "MASTER_ADDR=127.0.0.1", "MASTER_PORT=" + port}));
  }
  return all;
}

}  // namespace gradus::test
