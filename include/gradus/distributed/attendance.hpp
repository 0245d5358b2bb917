/// Which processes of a run are alive.
#pragma once

#include <gradus/distributed/process_place.hpp>

#include <c10/util/StringUtil.h>
#include <c10/util/intrusive_ptr.h>
#include <torch/csrc/distributed/c10d/Store.hpp>

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <exception>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace gradus {

/// A thread that counts in the store for as long as this process runs, so that a process that was
/// killed or stopped is told from one that is slow. Nobody but that thread waits for the store: it
/// may belong to one that was stopped, and then it never answers.
class Attendance {
 public:
  /// `store` is a connection of its own; `patience` is what `account` takes at most, about.
  Attendance(c10::intrusive_ptr<c10d::Store> store, const ProcessPlace& place,
             std::chrono::milliseconds patience)
      : place_(place),
        patience_(patience),
        desk_(std::make_shared<Desk>(std::move(store), place)),
        thread_([desk = desk_] { desk->run(); }) {}
  Attendance(const Attendance&) = delete;
  Attendance& operator=(const Attendance&) = delete;
  ~Attendance() {
    if (desk_->close(Clock::now() + (answers_ ? patience_ : 0 * beat))) {
      thread_.join();
    } else {
      thread_.detach();
    }
  }

  static constexpr std::chrono::milliseconds beat{500};

  /// Writes down why this rank takes no part any more.
  void leave(const std::string& reason) noexcept { desk_->leave(reason); }

  /// Writes down that this rank has come to its end, whatever that was, and says no more.
  void part(std::chrono::steady_clock::time_point end) noexcept {
    if (answers_) desk_->part(end);
  }
  /// Writes down that this rank has come to its end, without waiting, and answers on.
  void end() noexcept { desk_->end(); }
  /// Until the others have parted, but for those that did not answer.
  void wait_for_others(std::chrono::steady_clock::time_point end) noexcept {
    while (const auto report = desk_->ask(end)) {
      const bool all = std::ranges::all_of(*report, [&](const auto& of) {
        return of.second.has_parted || silent_.contains(of.first);
      });
      if (all || Clock::now() > end) return;
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
    }
  }

  /// "rank 1 has ended ("..."), rank 2 does not answer", or nothing if all are there.
  [[nodiscard]] std::string account() {
    const auto end = Clock::now() + patience_;
    const auto first = desk_->ask(end);
    auto report = first;
    std::vector<std::string> missing, parted;
    while (report) {
      missing.clear();
      parted.clear();
      silent_.clear();
      for (const auto& [rank, one] : *report) {
        const auto name = "rank " + std::to_string(rank);
        if (!one.reason.empty()) {
          missing.push_back(name + " has ended (\"" + one.reason + "\")");
        } else if (one.has_parted) {  // it has failed as this one does, which is no cause
          parted.push_back(name + " has ended");
        } else if (one.beats == first->at(rank).beats) {
          missing.push_back(name + " does not answer");
          silent_.insert(rank);
        }
      }
      if (silent_.empty() || Clock::now() + beat > end) {
        return c10::Join(", ", missing.empty() ? parted : missing);
      }
      std::this_thread::sleep_for(beat);
      report = desk_->ask(end + beat);
    }
    answers_ = false;
    return place_.hosts_store ? "rank 0, which holds the store, does not answer"
                              : "torchrun's store does not answer";
  }

 private:
  using Clock = std::chrono::steady_clock;

  struct Presence {
    std::int64_t beats = 0;
    std::string reason;
    bool has_parted = false;
  };
  /// Of the ranks but this one.
  using Report = std::map<std::int64_t, Presence>;

  /// What the thread and its owner share.
  class Desk {
   public:
    Desk(c10::intrusive_ptr<c10d::Store> store, const ProcessPlace& place)
        : store_(std::move(store)), place_(place) {}

    void run() {
      std::unique_lock lock(mutex_);
      while (!closes_ && !is_lost_) {
        const auto reason = std::exchange(reason_, {});
        const bool parts = std::exchange(parts_, false);
        const bool ends = std::exchange(ends_, false);
        const auto asked = asked_;
        const bool answers = asked > answered_;
        lock.unlock();
        bool succeeds = true;
        Report found;
        try {
          store_->add(key("beat", place_.rank), 1);
          if (!reason.empty()) write("left", reason);
          if (parts || ends) write("gone", "yes");
          if (answers) found = look();
        } catch (const std::exception&) {
          succeeds = false;
        }
        lock.lock();
        is_lost_ = !succeeds;
        if (answers) {
          report_ = std::move(found);
          answered_ = asked;
        }
        closes_ = closes_ || parts;
        changed_.notify_all();
        changed_.wait_for(lock, beat, [&] {
          return closes_ || is_lost_ || parts_ || ends_ || !reason_.empty() || asked_ > answered_;
        });
      }
      has_ended_ = true;
      changed_.notify_all();
    }

    void leave(const std::string& reason) {
      const std::lock_guard lock(mutex_);
      reason_ = reason;
      changed_.notify_all();
    }
    void end() {
      const std::lock_guard lock(mutex_);
      ends_ = true;
      changed_.notify_all();
    }
    void part(Clock::time_point end) {
      std::unique_lock lock(mutex_);
      parts_ = true;
      changed_.notify_all();
      changed_.wait_until(lock, end, [&] { return has_ended_; });
    }
    /// Nothing if the store does not answer up to then.
    [[nodiscard]] std::optional<Report> ask(Clock::time_point end) {
      std::unique_lock lock(mutex_);
      const auto number = ++asked_;
      changed_.notify_all();
      changed_.wait_until(lock, end, [&] { return answered_ >= number || is_lost_; });
      return answered_ >= number && !is_lost_ ? std::optional(report_) : std::nullopt;
    }
    /// Whether the thread has ended by then.
    [[nodiscard]] bool close(Clock::time_point end) {
      std::unique_lock lock(mutex_);
      closes_ = true;
      changed_.notify_all();
      return changed_.wait_until(lock, end, [&] { return has_ended_; });
    }

   private:
    static std::string key(const char* what, std::int64_t rank) {
      return std::string(what) + "/" + std::to_string(rank);
    }
    void write(const char* what, const std::string& text) {
      store_->set(key(what, place_.rank), std::vector<std::uint8_t>(text.begin(), text.end()));
    }
    [[nodiscard]] Report look() {
      Report report;
      for (std::int64_t rank = 0; rank < place_.size; ++rank) {
        if (rank == place_.rank) continue;
        auto& one = report[rank];
        one.beats = store_->add(key("beat", rank), 0);
        one.has_parted = store_->check({key("gone", rank)});
        if (!store_->check({key("left", rank)})) continue;
        const auto bytes = store_->get(key("left", rank));
        one.reason.assign(bytes.begin(), bytes.end());
      }
      return report;
    }

    c10::intrusive_ptr<c10d::Store> store_;
    ProcessPlace place_;
    std::mutex mutex_;
    std::condition_variable changed_;
    std::string reason_;                 ///< to be written
    bool parts_ = false, ends_ = false;  ///< likewise
    std::int64_t asked_ = 0, answered_ = 0;
    Report report_;
    bool is_lost_ = false;
    bool closes_ = false;
    bool has_ended_ = false;
  };

  ProcessPlace place_;
  std::chrono::milliseconds patience_;
  std::set<std::int64_t> silent_;  ///< ranks that did not answer
  bool answers_ = true;            ///< the store
  std::shared_ptr<Desk> desk_;
  std::thread thread_;
};

}  // namespace gradus
