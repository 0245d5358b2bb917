/// The threads of this process, for tests that all of them are joined.
#pragma once

#include <chrono>
#include <cstddef>
#include <filesystem>
#include <iterator>
#include <thread>

inline std::ptrdiff_t threads_of_this_process() {
  const std::filesystem::directory_iterator tasks("/proc/self/task");
  return std::distance(begin(tasks), end(tasks));
}

/// Whether there are at most `most` of them soon: ended ones leave the list a moment after they are
/// joined, and some may have done so since `most` was counted.
inline bool threads_become(std::ptrdiff_t most) {
  const auto limit = std::chrono::steady_clock::now() + std::chrono::seconds(10);
  while (threads_of_this_process() > most) {
    if (std::chrono::steady_clock::now() > limit) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  return true;
}
