/// What a loader and its worker threads share: the batches that are being read, or ready.
#pragma once

#include <gradus/core/batch.hpp>
#include <gradus/data/pinned.hpp>

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <mutex>
#include <optional>
#include <type_traits>
#include <utility>
#include <vector>

namespace gradus::data::detail {

using Seconds = std::chrono::duration<double>;

// Owned by the loader and by each worker, so that a thread left behind still finds it.
// Batch b lives in slot b % slots.size() from when a worker takes it on until it is delivered.
template <class Fetch>
class BatchQueue {
  using B = std::invoke_result_t<const Fetch&, std::int64_t>;

 public:
  struct Slot {
    std::int64_t worker = -1;  // who reads, or has read, the batch; -1 nobody yet
    std::optional<B> batch;
    std::exception_ptr failure;

    [[nodiscard]] bool ready() const { return batch.has_value() || failure != nullptr; }
  };

  BatchQueue(Fetch fetch, std::int64_t count, std::int64_t capacity, bool pin)
      : fetch_(std::move(fetch)), count_(count), pin_(pin) {
    slots_.resize(static_cast<std::size_t>(capacity));
  }

  [[nodiscard]] std::int64_t count() const { return count_; }
  [[nodiscard]] std::int64_t delivered() const { return delivered_; }  // for the calling thread

  B read_next() {
    auto batch = read(delivered_);
    ++delivered_;
    return batch;
  }

  // Calls `begin(worker)`, which starts a thread that calls `work(worker)`.
  template <class Begin>
  void add_worker(Begin begin) {
    const std::lock_guard lock(
        mutex_);  // the new thread waits for it, so `back_` is longer by then
    back_.reserve(back_.size() + 1);
    begin(static_cast<std::int64_t>(back_.size()));
    back_.push_back(false);
  }

  void work(std::int64_t worker) {
    std::unique_lock lock(mutex_);
    const auto capacity = static_cast<std::int64_t>(slots_.size());
    while (true) {
      room_.wait(lock, [&] { return stopped_ || taken_on_ - delivered_ < capacity; });
      if (taken_on_ == count_) stopped_ = true;
      if (stopped_) break;
      const auto number = taken_on_++;
      slot(number).worker = worker;

      lock.unlock();
      Slot result{.worker = worker, .batch = {}, .failure = {}};
      try {
        result.batch = read(number);
      } catch (...) {
        result.failure = std::current_exception();
      }
      lock.lock();

      // Batches are taken on in order: those before a failed one are on their way already.
      if (result.failure) stopped_ = true;
      slot(number) = std::move(result);
      ready_.notify_one();
    }
    room_.notify_all();
    back_[static_cast<std::size_t>(worker)] = true;
    ended_.notify_one();
  }

  // The slot of the next batch; not ready if it took longer than `patience`.
  Slot take(Seconds patience) {
    std::unique_lock lock(mutex_);
    auto& next = slot(delivered_);
    if (!ready_.wait_for(lock, patience, [&] { return next.ready(); })) {
      return {.worker = next.worker, .batch = {}, .failure = {}};
    }
    auto taken = std::exchange(next, Slot{});
    ++delivered_;
    lock.unlock();
    room_.notify_one();
    return taken;
  }

  // Begins no more batches and waits for the workers. By worker: whether it has ended.
  std::vector<bool> stop(Seconds patience) {
    std::unique_lock lock(mutex_);
    stopped_ = true;
    room_.notify_all();
    ended_.wait_for(lock, patience, [&] { return std::ranges::count(back_, false) == 0; });
    return back_;
  }

 private:
  Slot& slot(std::int64_t batch) { return slots_[static_cast<std::size_t>(batch) % slots_.size()]; }

  B read(std::int64_t number) const {
    auto batch = fetch_(number);
    return pin_ ? pinned(batch) : batch;
  }

  const Fetch fetch_;
  const std::int64_t count_;
  const bool pin_;

  std::mutex mutex_;  // guards what follows; only the calling thread writes `delivered_`
  std::condition_variable ready_, room_, ended_;
  std::vector<Slot> slots_;
  std::vector<bool> back_;      // by worker: it has ended
  std::int64_t taken_on_ = 0;   // batches that a worker has begun
  std::int64_t delivered_ = 0;  // batches that the calling thread has
  bool stopped_ = false;        // begin no more batches
};

}  // namespace gradus::data::detail
