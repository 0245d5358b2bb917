/// Copies batches to a device on a stream of its own; c10's generic streams, so no CUDA headers.
#pragma once

#include <gradus/core/batch.hpp>

#include <ATen/core/Tensor.h>
#include <c10/core/Device.h>
#include <c10/core/Event.h>
#include <c10/core/Stream.h>
#include <c10/core/StreamGuard.h>
#include <c10/core/impl/VirtualGuardImpl.h>

#include <utility>

namespace gradus::data {

/// Asynchronous copies to one device. They run beside the computation when the host memory is
/// pinned (`LoadingPlan::pin_memory`); from pageable memory they are right but not asynchronous.
class StreamCopy {
 public:
  /// A batch on its way, and the event that says it has arrived.
  template <BatchForm B>
  struct Pending {
    B batch;
    c10::Event arrived;
  };

  /// `device` is one with streams (CUDA). Throws c10::Error when it is not there.
  explicit StreamCopy(c10::Device device)
      : backend_(device.type()),
        device_(device.has_index() ? device : backend_.getDevice()),
        stream_(backend_.getStreamFromGlobalPool(device_)) {}

  template <BatchForm B>
  [[nodiscard]] Pending<B> begin(const B& host) {
    const c10::StreamGuard guard(stream_);
    Pending<B> pending{
        with_tensors(host, [&](const at::Tensor& tensor) { return to_device(tensor); }),
        c10::Event(device_.type())};
    pending.arrived.record(stream_);
    return pending;
  }

  template <BatchForm B>
  [[nodiscard]] B finish(Pending<B> pending) {
    const auto current = backend_.getStream(device_);
    pending.arrived.block(current);
    // The memory belongs to the copy stream: it must not be used again before `current` is done
    // with it.
    visit_tensors(pending.batch, [&](const at::Tensor& tensor) {
      if (tensor.defined()) tensor.record_stream(current);
    });
    return std::move(pending.batch);
  }

 private:
  [[nodiscard]] at::Tensor to_device(const at::Tensor& host) const {
    return host.to(device_, host.scalar_type(), /*non_blocking=*/true);
  }

  c10::impl::VirtualGuardImpl backend_;
  c10::Device device_;
  c10::Stream stream_;
};

}  // namespace gradus::data
