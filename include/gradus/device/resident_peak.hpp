/// The most memory that the process has resident in a part of its life.
#pragma once

#include <gradus/device/peak_memory.hpp>

#include <c10/core/Device.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <fstream>
#include <thread>
#include <unistd.h>

namespace gradus {

/// Bytes that the process has resident now, programs and data included; 0 where that is not known.
[[nodiscard]] inline std::int64_t resident_memory() {
  std::ifstream pages("/proc/self/statm");
  std::int64_t all = 0;
  std::int64_t resident = 0;
  return pages >> all >> resident ? resident * ::sysconf(_SC_PAGESIZE) : 0;
}

/// The most since it was made, also where the process has had more before: the system keeps the
/// peak of a whole life only. Below that peak a thread looks once a millisecond.
class ResidentPeak {
 public:
  ResidentPeak()
      : before_(peak_memory(c10::kCPU)), most_(resident_memory()), thread_([this] { look(); }) {}
  ResidentPeak(const ResidentPeak&) = delete;
  ResidentPeak& operator=(const ResidentPeak&) = delete;
  ~ResidentPeak() {
    ends_ = true;
    thread_.join();
  }

  /// Bytes.
  [[nodiscard]] std::int64_t bytes() const {
    const auto of_life = peak_memory(c10::kCPU);
    return of_life > before_ ? of_life : std::max(most_.load(), resident_memory());
  }

 private:
  void look() {
    while (!ends_) {
      most_ = std::max(most_.load(), resident_memory());
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
  }

  std::int64_t before_;
  std::atomic<std::int64_t> most_;
  std::atomic<bool> ends_ = false;
  std::thread thread_;  // the last: it uses the others
};

}  // namespace gradus
