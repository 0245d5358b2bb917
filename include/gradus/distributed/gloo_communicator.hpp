/// Processes that c10d joins by Gloo, over the network or within a machine; tensors on GPUs go by
/// NCCL where that is there. Needs Gloo's headers: link gradus::distributed.
#pragma once

#include <gradus/distributed/attendance.hpp>
#include <gradus/distributed/communicator.hpp>
#include <gradus/distributed/gloo_meeting.hpp>
#include <gradus/distributed/nccl_group.hpp>
#include <gradus/distributed/process_place.hpp>
#include <gradus/distributed/sigpipe_blocked.hpp>
#include <gradus/error.hpp>

#include <ATen/core/Tensor.h>
#include <torch/csrc/distributed/c10d/ProcessGroupGloo.hpp>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdint>
#include <exception>
#include <memory>
#include <optional>
#include <string>
#include <unistd.h>
#include <utility>
#include <vector>

namespace gradus {

/// The Communicator over Gloo: sums and broadcasts tensors between the ranks of a run. Every rank
/// must make the same calls in the same order. Throws DistributedError when another rank is gone or
/// late.
class GlooCommunicator final : public Communicator {
 public:
  using Milliseconds = std::chrono::milliseconds;

  /// Meets the other ranks. Throws DistributedError if one does not come within `timeout`, is there
  /// twice or expects another number of ranks, and if the place to meet is taken.
  GlooCommunicator(ProcessPlace place, Milliseconds timeout)
      : place_(std::move(place)),
        timeout_(timeout),
        patience_(std::clamp(timeout / 4, Milliseconds(1500), Milliseconds(3000))) {
    const SigpipeBlocked blocked;  // in all threads that are started here
    const auto meeting = std::make_shared<GlooMeeting>(place_, timeout, patience_);
    store_ = meeting->within(timeout, [](GlooMeeting& of) { return of.meet(); });
    attendance_.emplace(meeting->connection(), place_, patience_);
    try {
      group_ = tried([&] {
        return meeting->within(timeout, [store = store_, time = of_calls()](GlooMeeting& of) {
          return of.joined(store, time);
        });
      });
    } catch (...) {
      end();
      throw;
    }
  }
  ~GlooCommunicator() override { end(); }

  [[nodiscard]] std::int64_t rank() const override { return place_.rank; }
  [[nodiscard]] std::int64_t size() const override { return place_.size; }

  [[nodiscard]] std::unique_ptr<PendingSum> start_sum(const at::Tensor& tensor) override {
    std::vector<at::Tensor> tensors{as_sent(tensor)};
    auto work = tried([&] { return group_for(tensor).allreduce(tensors); });
    return std::make_unique<Sum>(*this, std::move(work), tensor, tensors[0]);
  }
  void broadcast(const at::Tensor& tensor, std::int64_t from) override {
    std::vector<at::Tensor> tensors{as_sent(tensor)};
    c10d::BroadcastOptions options;
    options.rootRank = from;
    tried([&] { return group_for(tensor).broadcast(tensors, options)->wait(); });
    put_back(tensor, tensors[0]);
  }
  void leave(const std::string& reason) noexcept override { attendance_->leave(reason); }

 private:
  using Clock = std::chrono::steady_clock;

  class Sum final : public PendingSum {
   public:
    Sum(GlooCommunicator& of, c10::intrusive_ptr<c10d::Work> work, at::Tensor tensor,
        at::Tensor sent)
        : of_(of), work_(std::move(work)), tensor_(std::move(tensor)), sent_(std::move(sent)) {}
    void wait() override {
      of_.tried([&] { return work_->wait(); });
      put_back(tensor_, sent_);
    }

   private:
    GlooCommunicator& of_;
    c10::intrusive_ptr<c10d::Work> work_;
    at::Tensor tensor_, sent_;
  };

  c10d::Backend& group_for(const at::Tensor& tensor) {
    if (!tensor.is_cuda()) return *group_;
    if (!std::exchange(has_asked_for_nccl_, true)) {
      // It takes one process for a device.
      std::array<char, 256> host{};
      ::gethostname(host.data(), host.size() - 1);
      auto devices = exchange(host.data() + tensor.device().str());
      std::ranges::sort(devices);
      const bool each_its_own = std::ranges::adjacent_find(devices) == devices.end();
      if (each_its_own) nccl_ = detail::nccl_group(store_, place_, of_calls());
    }
    return nccl_ ? *nccl_ : *group_;
  }

  /// Gloo takes memory for what lies in it in order, whatever the strides say.
  static at::Tensor as_sent(const at::Tensor& tensor) {
    switch (tensor.scalar_type()) {
      case at::kFloat:
      case at::kDouble:
      case at::kHalf:
      case at::kBFloat16:
      case at::kChar:
      case at::kByte:
      case at::kInt:
      case at::kLong:
        return tensor.contiguous();
      default:
        throw ConfigurationError(c10::str("Gloo sends no ", tensor.scalar_type(),
                                          "; send float, double, half, bfloat16 or integers."));
    }
  }
  static void put_back(const at::Tensor& tensor, const at::Tensor& sent) {
    if (!tensor.is_same(sent)) tensor.copy_(sent);
  }

  /// What c10d throws becomes a sentence that names the ranks.
  template <class Call>
  auto tried(const Call& call) -> decltype(call()) {
    const SigpipeBlocked blocked;
    try {
      return call();
    } catch (const std::exception& error) {
      fails_ = true;
      const auto missing = attendance_->account();
      const std::string said(error.what());
      throw DistributedError(
          "rank " + std::to_string(rank()) + " of " + std::to_string(size()) +
          " got no answer from the other ranks: " +
          (missing.empty() ? "all ranks are there, but one is slower than the timeout of " +
                                 in_seconds(timeout_) + " allows, or does something else (c10d: " +
                                 said.substr(0, said.find('\n')) + ")"
                           : missing) +
          "; start all ranks again, from the last checkpoint.");
    }
  }

  /// Of one call, so that there is time to find out who is missing.
  [[nodiscard]] Milliseconds of_calls() const {
    return std::max(timeout_ - patience_ - 2 * Attendance::beat, timeout_ / 2);
  }

  void end() noexcept {
    const SigpipeBlocked blocked;
    const bool is_last = rank() == 0 && place_.hosts_store;  // to go
    if (is_last) attendance_->end();  // before its connections close: the others look why
    if (fails_) {
      static_cast<void>(group_.release());  // its threads wait for those that are not there
      static_cast<void>(nccl_.release());
    } else {
      nccl_.reset();
      group_.reset();
    }
    const auto soon = Clock::now() + 2 * patience_;
    if (is_last) {  // but not if others do not go at all
      attendance_->wait_for_others(fails_ ? soon : Clock::now() + of_calls());
    } else {
      attendance_->part(soon);
    }
  }

  ProcessPlace place_;
  Milliseconds timeout_, patience_;
  c10::intrusive_ptr<c10d::Store> store_;
  std::optional<Attendance> attendance_;
  c10::intrusive_ptr<c10d::ProcessGroupGloo> group_;
  c10::intrusive_ptr<c10d::Backend> nccl_;  ///< if tensors on GPUs are sent, and it is there
  bool has_asked_for_nccl_ = false;
  bool fails_ = false;
};

}  // namespace gradus
