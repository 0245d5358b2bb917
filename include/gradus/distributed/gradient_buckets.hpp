/// Gradients summed over processes while the backward pass runs.
#pragma once

#include <gradus/core/memory_form.hpp>
#include <gradus/core/parameters.hpp>
#include <gradus/distributed/communicator.hpp>
#include <gradus/distributed/gradient_bucket.hpp>
#include <gradus/error.hpp>

#include <ATen/core/Tensor.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/from_blob.h>
#include <c10/core/ScalarType.h>
#include <torch/csrc/autograd/utils/lambda_post_hook.h>
#include <torch/csrc/autograd/variable.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <stdexcept>
#include <utility>
#include <vector>

namespace gradus {

/// The gradients of a run's parameters, in flat tensors of some megabytes: buckets. A bucket is
/// summed over all ranks as soon as the last of its gradients is there, while the backward pass
/// computes those of earlier layers. Gradients are views of the buckets, so they take no memory of
/// their own. After Li et al. 2020, arXiv:2006.15704.
///
/// A parameter that no rank has used has no gradient, as it would have none in one process. One
/// that this rank has not used keeps later buckets waiting until the pass is over.
class GradientBuckets {
 public:
  /// `bytes` are those of a bucket, but for one whose first gradient has more. `sent_as` may be a
  /// shorter type in which gradients travel and are summed. The communicator must outlive this.
  GradientBuckets(std::vector<NamedTensor> parameters, Communicator& ranks, std::int64_t bytes,
                  std::optional<c10::ScalarType> sent_as = {})
      : ranks_(&ranks), sent_as_(sent_as) {
    // A backward pass comes to the last layer first.
    for (auto at = parameters.rbegin(); at != parameters.rend(); ++at) place(at->tensor, bytes);
    for (auto& bucket : buckets_) bucket.make();
  }
  GradientBuckets(const GradientBuckets&) = delete;
  GradientBuckets& operator=(const GradientBuckets&) = delete;
  ~GradientBuckets() {
    for (auto& bucket : buckets_) {
      for (auto& member : bucket.members) member.unhook();
    }
  }

  /// Before the first backward pass of a window.
  void begin_window() {
    for (auto& bucket : buckets_) {
      if (bucket.pending) bucket.pending->wait();  // of a window that was given up
      bucket.pending.reset();
      for (auto& member : bucket.members) member.is_there = false;
    }
    for (std::size_t b = 0; b < buckets_.size(); ++b) {
      for (std::size_t m = 0; m < buckets_[b].members.size(); ++m) hook(b, m);
    }
    sums_at_once_ = false;
  }

  /// Before the last backward pass of a window: buckets are summed as they are filled, each
  /// gradient of this rank times `factor`.
  void begin_last_pass(double factor) {
    factor_ = factor;
    next_ = 0;
    sums_at_once_ = true;
    for (auto& bucket : buckets_) {
      bucket.awaited = 0;
      for (auto& member : bucket.members) {
        member.is_awaited = member.parameter.requires_grad();
        bucket.awaited += member.is_awaited ? 1 : 0;
      }
    }
  }

  /// After the last backward pass of a window, or without one where this rank had none. Waits for
  /// the others; then gradients are the sums.
  void finish() {
    if (!sums_at_once_) begin_last_pass(1);
    sums_at_once_ = false;
    while (next_ < buckets_.size()) start_next();
    const at::NoGradGuard no_grad;
    for (auto& bucket : buckets_) {
      bucket.pending->wait();
      bucket.pending.reset();
      if (bucket.sent.defined()) bucket.flat.copy_(bucket.sent);
      const auto used = bucket.uses().to(at::kCPU, at::kDouble).contiguous();
      for (std::size_t m = 0; m < bucket.members.size(); ++m) {
        auto& member = bucket.members[m];
        if (used.const_data_ptr<double>()[m] > 0) {
          member.parameter.mutable_grad() = member.view;
        } else {
          member.parameter.mutable_grad().reset();
        }
      }
    }
  }

  [[nodiscard]] std::size_t count() const { return buckets_.size(); }
  /// Whether some are summed in 16 bits.
  [[nodiscard]] bool are_short() const {
    return std::ranges::any_of(
        buckets_, [&](const Bucket& bucket) { return c10::elementSize(sent_type(bucket)) < 4; });
  }
  /// What a rank sends for a window, about twice that in a ring.
  [[nodiscard]] std::int64_t bytes() const {
    std::int64_t sum = 0;
    for (const auto& bucket : buckets_) {
      sum += bucket.flat.numel() * static_cast<std::int64_t>(c10::elementSize(sent_type(bucket)));
    }
    return sum;
  }

 private:
  using Bucket = detail::GradientBucket;
  using Member = Bucket::Member;

  static bool is_alike(const at::Tensor& one, const at::Tensor& other) {
    return one.scalar_type() == other.scalar_type() && one.device() == other.device();
  }

  /// Into the last bucket, or a new one.
  void place(const at::Tensor& parameter, std::int64_t bytes) {
    if (!parameter.is_floating_point() && !parameter.is_complex()) return;  // it has no gradient
    const auto* last = buckets_.empty() ? nullptr : &buckets_.back();
    const bool fits =
        last != nullptr && is_alike(last->members.front().parameter, parameter) &&
        (last->values + parameter.numel()) * static_cast<std::int64_t>(parameter.element_size()) <=
            bytes;
    if (!fits) buckets_.emplace_back();
    auto& bucket = buckets_.back();
    bucket.members.push_back({.parameter = parameter, .first = bucket.values, .view = {}});
    bucket.values += parameter.numel();
  }

  /// Parameters may be frozen and unfrozen between windows.
  void hook(std::size_t b, std::size_t m) {
    auto& member = buckets_[b].members[m];
    if (!is_alike(member.parameter, member.view)) {
      throw ConfigurationError(
          "a parameter has another type or device than when its gradient got a place; make buckets "
          "after the model is where it trains.");
    }
    if (!member.parameter.requires_grad()) return;
    auto accumulator = torch::autograd::impl::grad_accumulator(member.parameter);
    if (accumulator == member.accumulator) return;
    member.unhook();
    member.accumulator = std::move(accumulator);
    member.key =
        member.accumulator->add_post_hook(std::make_unique<torch::autograd::utils::LambdaPostHook>(
            [this, b, m](const auto& outputs, const auto&) {
              take(buckets_[b], buckets_[b].members[m]);
              return outputs;
            }));
  }

  /// A gradient that was computed or added to.
  void take(Bucket& bucket, Member& member) {
    const std::lock_guard lock(mutex_);  // each device has a thread of its own
    const at::NoGradGuard no_grad;
    auto& gradient = member.parameter.mutable_grad();
    if (!gradient.defined()) return;
    if (gradient.layout() != at::kStrided) {
      throw ConfigurationError(
          "a parameter has a sparse gradient, which cannot be summed over ranks; make its "
          "embedding "
          "one of dense gradients.");
    }
    if (bucket.pending) {
      throw std::logic_error(
          "gradus: a gradient was computed after its bucket was sent; make one backward pass of "
          "all losses of the last batch.");
    }
    if (!gradient.is_same(member.view)) {
      member.view.copy_(gradient);
      gradient = member.view;
    }
    member.is_there = true;
    if (!sums_at_once_ || !std::exchange(member.is_awaited, false)) return;
    --bucket.awaited;
    // In one order on all ranks, whatever the order in which their gradients come.
    while (next_ < buckets_.size() && buckets_[next_].awaited == 0) start_next();
  }

  [[nodiscard]] c10::ScalarType sent_type(const Bucket& bucket) const {
    const auto type = bucket.flat.scalar_type();
    return c10::isFloatingType(type) ? sent_as_.value_or(type) : type;
  }

  void start_next() {
    const at::NoGradGuard no_grad;
    auto& bucket = buckets_[next_];
    for (auto& member : bucket.members) {
      if (!member.is_there) member.view.zero_();
    }
    if (factor_ != 1) bucket.flat.mul_(factor_);
    std::vector<double> uses;
    for (const auto& member : bucket.members) uses.push_back(member.is_there ? 1 : 0);
    bucket.uses().copy_(at::from_blob(uses.data(), {std::ssize(uses)}, at::kDouble));
    if (sent_type(bucket) != bucket.flat.scalar_type()) bucket.sent = bucket.flat.to(*sent_as_);
    bucket.pending =
        ranks_->start_sum(real_parts(bucket.sent.defined() ? bucket.sent : bucket.flat));
    ++next_;
  }

  Communicator* ranks_;
  std::optional<c10::ScalarType> sent_as_;
  std::vector<Bucket> buckets_;
  double factor_ = 1;
  std::mutex mutex_;
  std::size_t next_ = 0;  ///< bucket that is to be summed
  bool sums_at_once_ = false;
};

}  // namespace gradus
