/// Page-locked host memory, from which a device copies without the processor; needs no CUDA
/// headers.
#pragma once

#include <gradus/core/batch.hpp>
#include <gradus/core/memory_form.hpp>

#include <ATen/core/Tensor.h>
#include <ATen/ops/empty.h>
#include <c10/core/DeviceType.h>
#include <c10/core/impl/DeviceGuardImplInterface.h>

#include <concepts>
#include <cstring>

namespace gradus::data {

/// Whether page-locked memory is to be had: LibTorch has CUDA linked in, and there is a CUDA
/// device.
[[nodiscard]] inline bool can_pin_memory() {
  return c10::impl::hasDeviceGuardImpl(c10::DeviceType::CUDA) &&
         c10::impl::getDeviceGuardImpl(c10::DeviceType::CUDA)->deviceCount() > 0;
}

/// A copy of `host`, dense and on the CPU, in page-locked memory. Only where `can_pin_memory()`.
/// Unlike Tensor::pin_memory this copies in the calling thread alone, as a loader thread should.
[[nodiscard]] inline at::Tensor pinned(const at::Tensor& host) {
  const auto dense = plain_values(host);
  auto locked = at::empty(dense.sizes(), dense.options().pinned_memory(true));
  std::memcpy(locked.mutable_data_ptr(), dense.const_data_ptr(), dense.nbytes());
  return locked;
}

template <BatchForm B>
  requires(!std::same_as<B, at::Tensor>)
[[nodiscard]] B pinned(const B& host) {
  return with_tensors(host, [](const at::Tensor& tensor) { return pinned(tensor); });
}

}  // namespace gradus::data
