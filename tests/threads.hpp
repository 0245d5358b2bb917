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

// Ended threads leave the list a moment after they are joined.
inline bool threads_become(std::ptrdiff_t count) {
  for (int i = 0; i < 100 && threads_of_this_process() != count; ++i)
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  return threads_of_this_process() == count;
}
