/// Work of another thread on what this thread has told a device to make.
#pragma once

#include <c10/core/Device.h>
#include <c10/core/Event.h>
#include <c10/core/Stream.h>
#include <c10/core/StreamGuard.h>
#include <c10/core/impl/VirtualGuardImpl.h>

#include <optional>
#include <utility>

namespace gradus {

/// Remembers what the current stream of `device` has been given so far. Another thread then works
/// on a stream of its own behind that, and beside all that comes later:
///
///     std::thread([beside = Beside(device), made]() mutable {
///       beside.run([&] { write(made.cpu()); });
///     });
///
/// `work` must have waited for whatever it enqueued when it ends, as a copy to the host does: the
/// memory of its tensors belongs to the other stream. Where there are no streams, on the CPU, it is
/// just called. c10's generic streams, so no CUDA headers.
class Beside {
 public:
  /// Throws c10::Error when the device is not there.
  explicit Beside(c10::Device device) {
    if (device.is_cpu()) return;
    const c10::impl::VirtualGuardImpl backend(device.type());
    stream_ = backend.getStreamFromGlobalPool(device);
    given_.emplace(device.type());
    given_->record(backend.getStream(device));
  }

  template <class Work>
  decltype(auto) run(Work&& work) {
    if (!given_) return std::forward<Work>(work)();
    const c10::StreamGuard guard(*stream_);
    given_->block(*stream_);
    return std::forward<Work>(work)();
  }

 private:
  std::optional<c10::Stream> stream_;
  std::optional<c10::Event> given_;
};

}  // namespace gradus
