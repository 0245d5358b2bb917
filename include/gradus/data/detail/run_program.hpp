/// Runs another program and waits for it, without a shell.
#pragma once

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <spawn.h>
#include <string>
#include <sys/wait.h>
#include <unistd.h>
#include <vector>

namespace gradus::data::detail {

struct ProgramResult {
  enum class Outcome { done, failed, not_installed };

  Outcome outcome = Outcome::failed;
  std::string message;  // of a program that failed: the last line it wrote
};

// Runs `words[0]`, found in PATH, with the other words as its arguments, no input, and what it says
// written to the file `log`.
inline ProgramResult run_program(std::vector<std::string> words, const std::filesystem::path& log) {
  std::vector<char*> arguments;
  for (auto& word : words) arguments.push_back(word.data());
  arguments.push_back(nullptr);

  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, log.c_str(),
                                   O_WRONLY | O_CREAT | O_TRUNC, 0600);
  posix_spawn_file_actions_adddup2(&actions, STDOUT_FILENO, STDERR_FILENO);
  pid_t child = 0;
  const int error =
      ::posix_spawnp(&child, words[0].c_str(), &actions, nullptr, arguments.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  if (error == ENOENT)
    return {ProgramResult::Outcome::not_installed, words[0] + " is not installed"};
  if (error != 0) return {ProgramResult::Outcome::failed, words[0] + ": " + std::strerror(error)};

  int status = 0;
  while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return {ProgramResult::Outcome::done, {}};

  std::ifstream said(log);
  std::string last = "no message";
  for (std::string line; std::getline(said, line);) {
    if (!line.empty()) last = line;
  }
  return {ProgramResult::Outcome::failed, last};
}

}  // namespace gradus::data::detail
