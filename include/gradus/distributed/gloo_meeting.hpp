/// How the ranks of a run find one another.
#pragma once

#include <gradus/distributed/listen.hpp>
#include <gradus/distributed/process_place.hpp>
#include <gradus/error.hpp>

#include <c10/util/StringUtil.h>
#include <c10/util/intrusive_ptr.h>
#include <torch/csrc/distributed/c10d/PrefixStore.hpp>
#include <torch/csrc/distributed/c10d/ProcessGroupGloo.hpp>
#include <torch/csrc/distributed/c10d/TCPStore.hpp>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <exception>
#include <future>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace gradus {

/// A duration in whole seconds for messages, as in "30 s".
inline std::string in_seconds(std::chrono::milliseconds time) {
  return std::to_string(std::chrono::duration_cast<std::chrono::seconds>(time).count()) + " s";
}

/// In a store that rank 0 has, or torchrun. A call of it may wait for ever where that process was
/// stopped, so all is done `within` a time by another thread, which is left behind then.
class GlooMeeting : public std::enable_shared_from_this<GlooMeeting> {
 public:
  using Milliseconds = std::chrono::milliseconds;
  using Store = c10::intrusive_ptr<c10d::Store>;
  using Group = c10d::ProcessGroupGloo;

  /// `patience` is for what is asked when the ranks have met.
  GlooMeeting(const ProcessPlace& place, Milliseconds timeout, Milliseconds patience)
      : place_(place), timeout_(timeout), patience_(patience), end_(Clock::now() + timeout) {}

  /// `call(*this)`. Throws what it throws, and DistributedError if it is not done by then.
  template <class Call>
  auto within(Milliseconds time, Call call) {
    std::packaged_task<decltype(call(*this))()> task(
        [self = shared_from_this(), call = std::move(call)] { return call(*self); });
    auto result = task.get_future();
    std::thread thread(std::move(task));
    if (result.wait_for(time + patience_) != std::future_status::ready) {
      thread.detach();
      throw DistributedError("the store at " + address() + " has been silent for " +
                             in_seconds(time) +
                             ": rank 0, or torchrun, does not respond; start all ranks again.");
    }
    thread.join();
    return result.get();
  }

  /// Returns the store when all ranks are there, and has another connection to it.
  [[nodiscard]] Store meet() {
    const auto number = joins()++;
    std::string missing = "all";
    try {
      const auto store = prefixed(opened(), number);
      wait_for_all(store, missing);
      connection_ = prefixed(connected(patience_), number);
      return store;
    } catch (const DistributedError&) {
      throw;
    } catch (const std::exception&) {
      throw DistributedError("rank 0 has gone from " + address() +
                             " before all ranks had come; not there were: " + missing +
                             "; start all ranks again.");
    }
  }
  [[nodiscard]] const Store& connection() const { return connection_; }

  [[nodiscard]] c10::intrusive_ptr<Group> joined(const Store& store, Milliseconds time) const {
    const auto options = Group::Options::create(time);
    const char* interface = std::getenv("GLOO_SOCKET_IFNAME");
    options->devices.push_back(place_.is_local()
                                   ? Group::createDeviceForHostname(ProcessPlace::loopback)
                               : interface ? Group::createDeviceForInterface(interface)
                                           : Group::createDefaultDevice());
    return c10::make_intrusive<Group>(c10::make_intrusive<c10d::PrefixStore>("gloo", store),
                                      static_cast<int>(place_.rank), static_cast<int>(place_.size),
                                      options);
  }

 private:
  using Clock = std::chrono::steady_clock;
  using Bytes = std::vector<std::uint8_t>;

  [[nodiscard]] bool has_store() const { return place_.rank == 0 && place_.hosts_store; }
  [[nodiscard]] std::string address() const {
    return place_.address + ":" + std::to_string(place_.port);
  }
  /// How often this process has met others.
  static std::atomic<int>& joins() {
    static std::atomic<int> number = 0;
    return number;
  }
  /// Keys of another meeting, or of a run that torchrun has started again, are other ones.
  [[nodiscard]] Store prefixed(const Store& store, int number) const {
    return c10::make_intrusive<c10d::PrefixStore>(
        "gradus/" + place_.attempt + "/" + std::to_string(number), store);
  }

  [[nodiscard]] Store opened() const {
    if (!has_store()) return connected(timeout_ / 2);  // it tries twice as long
    // Kept for as long as the process lives: what has listened cannot be made again at once.
    static std::mutex mutex;
    static auto& kept = *new std::map<std::string, Store>();
    const std::lock_guard lock(mutex);
    auto& store = kept[address()];
    if (store) return store;
    c10d::TCPStoreOptions options;
    options.port = place_.port;
    options.isServer = true;
    options.waitWorkers = false;
    options.timeout = timeout_;
    options.masterListenFd = listen_at(place_.address, place_.port, place_.is_local());
    store = c10::make_intrusive<c10d::TCPStore>(place_.address, options);
    return store;
  }
  [[nodiscard]] Store connected(Milliseconds timeout) const {
    c10d::TCPStoreOptions options;
    options.port = place_.port;
    options.waitWorkers = false;
    options.timeout = timeout;
    try {
      return c10::make_intrusive<c10d::TCPStore>(place_.address, options);
    } catch (const std::exception&) {
      throw DistributedError("rank 0 is not at " + address() + ", where rank " +
                             std::to_string(place_.rank) + " of " + std::to_string(place_.size) +
                             " has waited for it for " + in_seconds(timeout_) +
                             "; start all ranks, with one MASTER_ADDR and MASTER_PORT.");
    }
  }

  /// `missing` says at any time who is not there.
  void wait_for_all(const Store& store, std::string& missing) const {
    const auto size = std::to_string(place_.size);
    const auto here = [](std::int64_t rank) { return "here/" + std::to_string(rank); };
    const auto first = store->compareSet("size", {}, Bytes(size.begin(), size.end()));
    if (const std::string other(first.begin(), first.end()); other != size) {
      throw DistributedError("rank " + std::to_string(place_.rank) + " expects " + size +
                             " ranks, but the first that came to " + address() + " expects " +
                             other +
                             "; give all one WORLD_SIZE, and each run a MASTER_PORT of its own.");
    }
    if (store->add(here(place_.rank), 1) > 1) {
      throw DistributedError("rank " + std::to_string(place_.rank) + " is already at " + address() +
                             "; give each process a RANK and each run a MASTER_PORT of its own.");
    }
    for (;;) {
      std::vector<std::int64_t> absent;
      for (std::int64_t rank = 0; rank < place_.size; ++rank) {
        if (!store->check({here(rank)})) absent.push_back(rank);
      }
      if (absent.empty()) return;
      missing = c10::Join(", ", absent);
      if (Clock::now() > end_) {
        throw DistributedError("of " + size + " ranks these have not come to " + address() +
                               " within " + in_seconds(timeout_) + ": " + missing +
                               "; start all ranks, with one MASTER_ADDR and MASTER_PORT.");
      }
      std::this_thread::sleep_for(Milliseconds(20));
    }
  }

  ProcessPlace place_;
  Milliseconds timeout_, patience_;
  Clock::time_point end_;
  Store connection_;
};

}  // namespace gradus
