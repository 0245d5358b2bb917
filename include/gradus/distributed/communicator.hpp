/// What the processes of a run do together.
#pragma once

#include <ATen/core/Tensor.h>
#include <ATen/ops/max.h>
#include <ATen/ops/zeros.h>

#include <algorithm>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace gradus {

/// A sum that is under way.
class PendingSum {
 public:
  PendingSum() = default;
  PendingSum(const PendingSum&) = delete;
  PendingSum& operator=(const PendingSum&) = delete;
  virtual ~PendingSum() = default;
  /// Until the tensor holds the sum. Throws DistributedError, with the ranks, if it never will.
  virtual void wait() = 0;
};

/// All ranks call the same functions in the same order. Each throws DistributedError, with the
/// ranks that are missing, no later than the timeout with which the communicator was made.
class Communicator {
 public:
  Communicator() = default;
  Communicator(const Communicator&) = delete;
  Communicator& operator=(const Communicator&) = delete;
  virtual ~Communicator() = default;

  [[nodiscard]] virtual std::int64_t rank() const = 0;
  [[nodiscard]] virtual std::int64_t size() const = 0;

  /// Starts to sum `tensor`, dense and of one shape and type everywhere, over all ranks, in place.
  /// The sum has the same bits on all of them.
  [[nodiscard]] virtual std::unique_ptr<PendingSum> start_sum(const at::Tensor& tensor) = 0;
  void sum(const at::Tensor& tensor) { start_sum(tensor)->wait(); }
  /// Gives the values of `tensor` on rank `from` to all.
  virtual void broadcast(const at::Tensor& tensor, std::int64_t from) = 0;
  /// The texts of all ranks, by rank.
  [[nodiscard]] std::vector<std::string> exchange(const std::string& text) {
    const auto lengths = at::zeros({size()}, at::kLong);
    lengths[rank()] = static_cast<std::int64_t>(text.size());
    sum(lengths);
    const auto longest = lengths.max().item<std::int64_t>();
    const auto bytes = at::zeros({size(), longest}, at::kByte);
    std::ranges::copy(text, bytes[rank()].mutable_data_ptr<std::uint8_t>());
    sum(bytes);
    std::vector<std::string> texts;
    for (std::int64_t other = 0; other < size(); ++other) {
      const auto* begin = bytes[other].const_data_ptr<std::uint8_t>();
      texts.emplace_back(begin, begin + lengths[other].item<std::int64_t>());
    }
    return texts;
  }

  /// Tells the others why this rank takes no part any more, for what they then throw.
  virtual void leave(const std::string& reason) noexcept = 0;
};

/// Of a run of one process.
class SoloCommunicator final : public Communicator {
 public:
  [[nodiscard]] std::int64_t rank() const override { return 0; }
  [[nodiscard]] std::int64_t size() const override { return 1; }
  [[nodiscard]] std::unique_ptr<PendingSum> start_sum(const at::Tensor&) override {
    struct Done final : PendingSum {
      void wait() override {}
    };
    return std::make_unique<Done>();
  }
  void broadcast(const at::Tensor&, std::int64_t) override {}
  void leave(const std::string&) noexcept override {}
};

}  // namespace gradus
