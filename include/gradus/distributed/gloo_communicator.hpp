/// Processes that c10d joins by Gloo, over the network or within a machine. Needs Gloo's headers:
/// link gradus::distributed.
#pragma once

#include <gradus/distributed/attendance.hpp>
#include <gradus/distributed/communicator.hpp>
#include <gradus/distributed/listen.hpp>
#include <gradus/distributed/process_place.hpp>
#include <gradus/error.hpp>

#include <c10/util/StringUtil.h>
#include <torch/csrc/distributed/c10d/PrefixStore.hpp>
#include <torch/csrc/distributed/c10d/ProcessGroupGloo.hpp>
#include <torch/csrc/distributed/c10d/TCPStore.hpp>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <exception>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace gradus {

class GlooCommunicator final : public Communicator {
 public:
  using Milliseconds = std::chrono::milliseconds;

  /// Meets the other ranks. Throws DistributedError if one does not come within `timeout`, is there
  /// twice or expects another number of ranks, and if the place to meet is taken.
  GlooCommunicator(ProcessPlace place, Milliseconds timeout)
      : place_(std::move(place)), timeout_(timeout), end_of_meeting_(Clock::now() + timeout) {
    store_ = prefixed(opened());
    meet();
    attendance_.emplace(prefixed(connected(Attendance::patience)), place_);
    group_ = joined();
  }
  ~GlooCommunicator() override {
    if (fails_) {
      static_cast<void>(group_.release());  // its threads wait for those that are not there
    } else {
      group_.reset();
    }
    const auto soon = Clock::now() + 2 * Attendance::patience;
    if (rank() == 0 && place_.hosts_store) {  // the last to go, but not if others do not go at all
      attendance_->wait_for_others(fails_ ? soon : Clock::now() + of_calls());
    } else {
      attendance_->part(soon);
    }
  }

  [[nodiscard]] std::int64_t rank() const override { return place_.rank; }
  [[nodiscard]] std::int64_t size() const override { return place_.size; }

  [[nodiscard]] std::unique_ptr<PendingSum> start_sum(const at::Tensor& tensor) override {
    std::vector<at::Tensor> tensors{tensor};
    return std::make_unique<Sum>(*this, tried([&] { return group_->allreduce(tensors); }));
  }
  void broadcast(const at::Tensor& tensor, std::int64_t from) override {
    std::vector<at::Tensor> tensors{tensor};
    c10d::BroadcastOptions options;
    options.rootRank = from;
    tried([&] { return group_->broadcast(tensors, options)->wait(); });
  }
  void leave(const std::string& reason) noexcept override { attendance_->leave(reason); }

 private:
  using Clock = std::chrono::steady_clock;
  using Store = c10::intrusive_ptr<c10d::Store>;
  using Bytes = std::vector<std::uint8_t>;

  class Sum final : public PendingSum {
   public:
    Sum(GlooCommunicator& of, c10::intrusive_ptr<c10d::Work> work)
        : of_(of), work_(std::move(work)) {}
    void wait() override {
      of_.tried([&] { return work_->wait(); });
    }

   private:
    GlooCommunicator& of_;
    c10::intrusive_ptr<c10d::Work> work_;
  };

  /// What c10d throws becomes a sentence that names the ranks.
  template <class Call>
  auto tried(const Call& call) -> decltype(call()) {
    try {
      return call();
    } catch (const std::exception& error) {
      fails_ = true;
      const auto missing = attendance_->account();
      const std::string said(error.what());
      throw DistributedError(
          "rank " + std::to_string(rank()) + " of " + std::to_string(size()) +
          " has waited for the others in vain: " +
          (missing.empty() ? "all ranks are there, but one is slower than the timeout of " +
                                 seconds(timeout_) + " allows, or does something else (c10d: " +
                                 said.substr(0, said.find('\n')) + ")"
                           : missing) +
          "; start all ranks again, from the last checkpoint.");
    }
  }

  /// Of one call, so that there is time to find out who is missing.
  [[nodiscard]] Milliseconds of_calls() const {
    return std::max(timeout_ - Attendance::patience - 2 * Attendance::beat, timeout_ / 2);
  }
  static std::string seconds(Milliseconds time) {
    return std::to_string(std::chrono::duration_cast<std::chrono::seconds>(time).count()) + " s";
  }
  [[nodiscard]] std::string place_to_meet() const {
    return place_.address + ":" + std::to_string(place_.port);
  }
  /// Keys of a run that torchrun has started again are other ones.
  [[nodiscard]] Store prefixed(const Store& store) const {
    return c10::make_intrusive<c10d::PrefixStore>("gradus/" + place_.attempt, store);
  }

  [[nodiscard]] Store opened() const {
    if (place_.rank != 0 || !place_.hosts_store) return connected(timeout_);
    c10d::TCPStoreOptions options;
    options.port = place_.port;
    options.isServer = true;
    options.waitWorkers = false;
    options.timeout = timeout_;
    options.masterListenFd = listen_at(place_.address, place_.port);
    return c10::make_intrusive<c10d::TCPStore>(place_.address, options);
  }
  [[nodiscard]] Store connected(Milliseconds timeout) const {
    c10d::TCPStoreOptions options;
    options.port = place_.port;
    options.waitWorkers = false;
    options.timeout = timeout;
    try {
      return c10::make_intrusive<c10d::TCPStore>(place_.address, options);
    } catch (const std::exception&) {
      throw DistributedError("rank 0 is not at " + place_to_meet() + ", where rank " +
                             std::to_string(place_.rank) + " of " + std::to_string(place_.size) +
                             " has waited for it for " + seconds(timeout) +
                             "; start all ranks, with one MASTER_ADDR and MASTER_PORT.");
    }
  }

  /// Returns when all ranks are there.
  void meet() {
    const auto size = std::to_string(place_.size);
    std::string missing = "all";
    try {
      const auto first = store_->compareSet("size", {}, Bytes(size.begin(), size.end()));
      if (const std::string other(first.begin(), first.end()); other != size) {
        throw DistributedError("rank " + std::to_string(place_.rank) + " expects " + size +
                               " ranks, but the first that came to " + place_to_meet() +
                               " expects " + other +
                               "; give all one WORLD_SIZE, and each run a MASTER_PORT of its own.");
      }
      if (store_->add(here(place_.rank), 1) > 1) {
        throw DistributedError("rank " + std::to_string(place_.rank) + " is already at " +
                               place_to_meet() +
                               "; give each process a RANK and each run a MASTER_PORT of its own.");
      }
      for (missing = absent(); !missing.empty(); missing = absent()) {
        if (Clock::now() > end_of_meeting_) {
          throw DistributedError("of " + size + " ranks these have not come to " + place_to_meet() +
                                 " within " + seconds(timeout_) + ": " + missing +
                                 "; start all ranks, with one MASTER_ADDR and MASTER_PORT.");
        }
        std::this_thread::sleep_for(Milliseconds(20));
      }
    } catch (const DistributedError&) {
      throw;
    } catch (const std::exception&) {
      throw DistributedError("rank 0 has gone from " + place_to_meet() +
                             " before all ranks had come; not there were: " + missing +
                             "; start all ranks again.");
    }
  }
  [[nodiscard]] std::string absent() const {
    std::vector<std::int64_t> ranks;
    for (std::int64_t rank = 0; rank < place_.size; ++rank) {
      if (!store_->check({here(rank)})) ranks.push_back(rank);
    }
    return c10::Join(", ", ranks);
  }
  static std::string here(std::int64_t rank) { return "here/" + std::to_string(rank); }

  [[nodiscard]] c10::intrusive_ptr<c10d::ProcessGroupGloo> joined() {
    return tried([&] {
      using Group = c10d::ProcessGroupGloo;
      const auto options = Group::Options::create(of_calls());
      const char* interface = std::getenv("GLOO_SOCKET_IFNAME");
      options->devices.push_back(place_.is_local()
                                     ? Group::createDeviceForHostname(ProcessPlace::loopback)
                                 : interface ? Group::createDeviceForInterface(interface)
                                             : Group::createDefaultDevice());
      return c10::make_intrusive<Group>(c10::make_intrusive<c10d::PrefixStore>("gloo", store_),
                                        static_cast<int>(rank()), static_cast<int>(size()),
                                        options);
    });
  }

  ProcessPlace place_;
  Milliseconds timeout_;
  Clock::time_point end_of_meeting_;
  Store store_;
  std::optional<Attendance> attendance_;
  c10::intrusive_ptr<c10d::ProcessGroupGloo> group_;
  bool fails_ = false;
};

}  // namespace gradus
