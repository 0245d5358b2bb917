/// The most memory that was in use.
#pragma once

#include <c10/core/Allocator.h>
#include <c10/core/CachingDeviceAllocator.h>
#include <c10/core/Device.h>
#include <c10/core/impl/VirtualGuardImpl.h>

#include <cstddef>
#include <cstdint>
#include <sys/resource.h>

namespace gradus {

namespace detail {

/// Of the device's type, or null: the CPU has none that counts.
inline c10::DeviceAllocator* counting_allocator(c10::Device device) {
  if (device.is_cpu()) return nullptr;
  return dynamic_cast<c10::DeviceAllocator*>(c10::GetAllocator(device.type()));
}
inline c10::DeviceIndex index_of(c10::Device device) {
  if (device.has_index()) return device.index();
  return c10::impl::VirtualGuardImpl(device.type()).getDevice().index();
}

}  // namespace detail

/// `peak_memory` of an accelerator counts from now on, as after torch.cuda.reset_peak_memory_stats.
/// Waits for nothing.
inline void restart_peak_memory(c10::Device device) {
  auto* allocator = detail::counting_allocator(device);
  if (allocator != nullptr && allocator->initialized()) {
    allocator->resetPeakStats(detail::index_of(device));
  }
}

/// Bytes. On an accelerator the most that tensors had at once since `restart_peak_memory`, as
/// torch.cuda.max_memory_allocated says; what a captured step needs while it runs counts when it is
/// captured. On the CPU the most memory that the process has had resident since it began, programs
/// and data included. 0 where neither is known.
[[nodiscard]] inline std::int64_t peak_memory(c10::Device device) {
  if (device.is_cpu()) {
    rusage usage{};
    constexpr std::int64_t kibibyte = 1024;  // the unit of ru_maxrss, on Linux
    return ::getrusage(RUSAGE_SELF, &usage) == 0 ? usage.ru_maxrss * kibibyte : 0;
  }
  auto* allocator = detail::counting_allocator(device);
  if (allocator == nullptr || !allocator->initialized()) return 0;
  constexpr auto all = static_cast<std::size_t>(c10::CachingAllocator::StatType::AGGREGATE);
  return allocator->getDeviceStats(detail::index_of(device)).allocated_bytes[all].peak;
}

}  // namespace gradus
