/// Brings batches to the device: the copy of the next one runs while the current one trains.
#pragma once

#include <gradus/core/batch.hpp>
#include <gradus/data/stream_copy.hpp>

#include <c10/core/Device.h>

#include <concepts>
#include <exception>
#include <optional>
#include <type_traits>
#include <utility>

namespace gradus::data {

/// Where batches come from, in order, until there is nothing more; `Loader` is one.
template <class S>
concept BatchSource = requires(S& source) {
  { *source.next() } -> BatchForm;
};

/// The batches of a source.
template <BatchSource S>
using source_batch = std::remove_cvref_t<decltype(*std::declval<S&>().next())>;

/// Copies to a device beside the computation.
///
/// - `c.begin(host)` starts a copy and returns at once with what stands for it.
/// - `c.finish(std::move(pending))` gives the batch on the device; work enqueued from then on sees
///   it whole. The host does not wait.
template <class C, class B>
concept DeviceCopy = requires(C& copy, const B& host) {
  { copy.finish(copy.begin(host)) } -> std::same_as<B>;
};

static_assert(DeviceCopy<StreamCopy, Batch>);

/// The batches of `source`, on the device, in the same order.
///
/// With a copier, each `next()` hands over the batch whose copy it began one call before, and
/// begins the copy of the following one; so one more batch than `source` holds is in flight.
/// Without (on the CPU) it is `source.next()` and nothing else. What `source` throws comes at the
/// turn of the batch it is about.
///
///     DeviceFeed feed(loader, stream_copy_to(device));
///     while (auto batch = feed.next()) step(*batch);
///
/// `source` must outlive the feed.
template <BatchSource Source, DeviceCopy<source_batch<Source>> Copy = StreamCopy>
class DeviceFeed {
  using B = source_batch<Source>;

 public:
  DeviceFeed(Source& source, std::optional<Copy> copy) : source_(source), copy_(std::move(copy)) {}

  /// The next batch, or nothing after the last.
  [[nodiscard]] std::optional<B> next() {
    if (!copy_) return source_.next();
    if (!begun_) {
      begun_ = true;
      read_ahead();
    }
    if (failure_) std::rethrow_exception(failure_);
    if (!ahead_) return std::nullopt;
    auto batch = copy_->finish(*std::exchange(ahead_, std::nullopt));
    read_ahead();
    return batch;
  }

 private:
  void read_ahead() {
    try {
      if (const auto host = source_.next()) ahead_.emplace(copy_->begin(*host));
    } catch (...) {
      failure_ = std::current_exception();  // the batch before it comes first
    }
  }

  Source& source_;
  std::optional<Copy> copy_;
  std::optional<decltype(std::declval<Copy&>().begin(std::declval<const B&>()))> ahead_;
  std::exception_ptr failure_;
  bool begun_ = false;
};

/// What a DeviceFeed for `device` takes: a copier on a stream of its own, or nothing on the CPU.
[[nodiscard]] inline std::optional<StreamCopy> stream_copy_to(c10::Device device) {
  if (device.is_cpu()) return std::nullopt;
  return std::optional<StreamCopy>(std::in_place, device);
}

}  // namespace gradus::data
