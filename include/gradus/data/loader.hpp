/// Delivers the batches of one epoch in order, read ahead by worker threads.
#pragma once

#include <gradus/core/batch.hpp>
#include <gradus/core/loading_plan.hpp>
#include <gradus/data/detail/batch_queue.hpp>
#include <gradus/data/pinned.hpp>
#include <gradus/error.hpp>

#include <algorithm>
#include <chrono>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <memory>
#include <optional>
#include <sstream>
#include <string>
#include <thread>
#include <type_traits>
#include <utility>
#include <vector>

namespace gradus::data {

/// Makes batch `number` of an epoch, from 0: a pure function of the number, called from several
/// threads at once; or, with one worker at most, whatever comes next.
template <class F>
concept BatchFetch = std::move_constructible<F> && requires(const F& fetch, std::int64_t number) {
  { fetch(number) } -> BatchForm;
};

/// One pass over `batch_count` batches. `next()` gives 0, 1, 2, ... whatever the number of workers.
///
/// - Without workers `next()` reads in the calling thread: nothing is ahead, and no time limit
/// holds.
/// - With workers at most `plan.prefetch` batches are read, or ready, beyond those delivered; so
///   workers beyond `plan.prefetch` would be idle and are not started.
/// - What `fetch` throws is rethrown, the same object, by the `next()` whose batch it is, after the
///   threads are joined. A batch that takes longer than `plan.timeout_seconds` is a DataError that
///   names worker and batch. Every later `next()` throws the same again.
/// - The destructor joins the threads. It waits for batches that are being read, but no longer than
///   `plan.timeout_seconds` (1 second once a timeout was reported). A thread that is not back by
///   then is detached: it keeps `fetch` and the loader's inner state alive and ends as soon as it
///   comes back. What `fetch` merely refers to must then live as long; where a read can hang for
///   good, let `fetch` own its data (a shared_ptr).
/// - `fetch` should run no ATen operator that uses intra-op threads (see `Dataset`).
/// - `plan.pin_memory` has an effect only where `can_pin_memory()`.
///
/// One thread at a time may use a loader.
template <BatchFetch Fetch>
class Loader {
  using B = std::invoke_result_t<const Fetch&, std::int64_t>;

 public:
  /// Starts the workers. Throws ConfigurationError for a plan that cannot work, and ResourceError
  /// when the system refuses a thread.
  Loader(const LoadingPlan& plan, std::int64_t batch_count, Fetch fetch)
      : patience_(std::min(plan.timeout_seconds, 1e9)) {  // more would overflow the clock
    check(plan, batch_count);
    const auto capacity = plan.workers == 0 ? 0 : std::min(plan.prefetch, batch_count);
    queue_ = std::make_shared<Queue>(std::move(fetch), batch_count, capacity,
                                     plan.pin_memory && can_pin_memory());
    start(std::min(plan.workers, capacity));
  }

  Loader(const Loader&) = delete;
  Loader& operator=(const Loader&) = delete;
  ~Loader() { stop(); }

  /// The next batch, or nothing after the last. Throws what `fetch` threw, or DataError on a
  /// timeout.
  [[nodiscard]] std::optional<B> next() {
    if (failure_) std::rethrow_exception(failure_);
    if (queue_->delivered() == queue_->count()) return std::nullopt;
    const auto begin = std::chrono::steady_clock::now();
    try {
      auto batch = threads_.empty() ? queue_->read_next() : take_from_workers();
      waited_ += std::chrono::steady_clock::now() - begin;
      return batch;
    } catch (...) {
      failure_ = std::current_exception();
      if (!timed_out_) stop();
      throw;
    }
  }

  [[nodiscard]] std::int64_t batch_count() const { return queue_->count(); }

  /// Threads that read; 0 when the calling thread does.
  [[nodiscard]] std::int64_t workers() const { return static_cast<std::int64_t>(threads_.size()); }

  /// Seconds the calling thread has spent in `next()`, reading or waiting for a worker.
  [[nodiscard]] double seconds_waited() const { return waited_.count(); }

 private:
  using Queue = detail::BatchQueue<Fetch>;

  static void check(const LoadingPlan& plan, std::int64_t batch_count) {
    const auto refuse = [](const std::string& what, auto found, const std::string& expected) {
      std::ostringstream sentence;
      sentence << "The loading plan has " << what << " " << found << "; expected " << expected
               << ": set another value.";
      throw ConfigurationError(sentence.str());
    };
    if (batch_count < 0) refuse("a number of batches of", batch_count, "0 or more");
    if (plan.workers < 0) refuse("a number of workers of", plan.workers, "0 or more threads");
    if (plan.workers > 0 && plan.prefetch < 1) {
      refuse("a prefetch of", plan.prefetch, "1 batch or more when there are workers");
    }
    if (!(plan.timeout_seconds > 0)) {
      refuse("a timeout of", plan.timeout_seconds, "more than 0 seconds");
    }
  }

  void start(std::int64_t workers) {
    try {
      while (this->workers() < workers) {
        queue_->add_worker([this](std::int64_t worker) {
          threads_.emplace_back([queue = queue_, worker] { queue->work(worker); });
        });
      }
    } catch (const std::exception& error) {
      stop();
      throw ResourceError("Loader thread " + std::to_string(threads_.size() + 1) + " of " +
                          std::to_string(workers) + " could not be started (" + error.what() +
                          "); expected the system to allow that many: use fewer workers.");
    }
  }

  B take_from_workers() {
    auto slot = queue_->take(patience_);
    if (slot.failure) std::rethrow_exception(slot.failure);
    timed_out_ = !slot.batch;
    if (timed_out_) {
      std::ostringstream sentence;
      const bool begun = slot.worker >= 0;
      sentence << (begun ? "Loader worker " + std::to_string(slot.worker) + " has not delivered"
                         : "No loader worker has begun")
               << " batch " << queue_->delivered() << " of " << queue_->count() << " within "
               << patience_.count()
               << " seconds; expected it sooner: see whether the storage of the "
               << "dataset hangs, or give a longer timeout_seconds.";
      throw DataError(sentence.str());
    }
    return std::move(*slot.batch);
  }

  void stop() noexcept {
    const auto back = queue_->stop(timed_out_ ? detail::Seconds(1) : patience_);
    for (std::size_t worker = 0; worker < threads_.size(); ++worker) {
      if (!threads_[worker].joinable()) continue;
      back[worker] ? threads_[worker].join() : threads_[worker].detach();
    }
  }

  detail::Seconds patience_;
  detail::Seconds waited_{0};
  std::shared_ptr<Queue> queue_;
  std::vector<std::thread> threads_;
  std::exception_ptr failure_;
  bool timed_out_ = false;
};

}  // namespace gradus::data
