/// Which device a run uses, what it is called and which 16-bit type it computes in natively.
#pragma once

#include <gradus/error.hpp>

#include <ATen/Context.h>
#include <ATen/cpu/Utils.h>
#include <ATen/detail/CUDAHooksInterface.h>
#include <c10/core/Device.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <string>
#include <sys/utsname.h>

namespace gradus {

/// CUDA devices that LibTorch can use; 0 for a LibTorch without CUDA.
inline int cuda_device_count() {
  return at::hasCUDA() ? static_cast<int>(at::detail::getCUDAHooks().deviceCount()) : 0;
}

/// The CPU where there is no CUDA device. Else the first one, or, of several processes on a
/// machine, that of this one: torchrun numbers them by LOCAL_RANK.
inline c10::Device default_device() {
  const int count = cuda_device_count();
  if (count == 0) return c10::kCPU;
  const char* rank = std::getenv("LOCAL_RANK");
  const int index = rank == nullptr ? 0 : std::max(std::atoi(rank), 0) % count;
  return {c10::kCUDA, static_cast<c10::DeviceIndex>(index)};
}

namespace detail {

inline void require_cuda(int index, const std::string& name) {
  const int count = cuda_device_count();
  if (index < count) return;
  throw ConfigurationError(
      "device '" + name + "' is not there: this " +
      (count == 0 ? std::string("machine or this build of LibTorch offers no CUDA device")
                  : "machine has " + std::to_string(count) + " CUDA device(s), counted from 0") +
      "; use auto or cpu.");
}

}  // namespace detail

/// From `auto`, `cpu`, `cuda` or `cuda:N`. Throws ConfigurationError for another name or a device
/// that is not there.
inline c10::Device device_from_name(const std::string& name) {
  if (name == "auto") return default_device();
  if (name == "cpu") return c10::kCPU;
  const bool indexed = name.rfind("cuda:", 0) == 0 && name.size() > 5 && name.size() < 9 &&
                       name.find_first_not_of("0123456789", 5) == std::string::npos;
  if (name != "cuda" && !indexed) {
    throw ConfigurationError("device is '" + name + "', but it takes auto, cpu, cuda or cuda:N.");
  }
  const int index = indexed ? std::stoi(name.substr(5)) : 0;
  detail::require_cuda(index, name);
  if (!indexed) return default_device();
  return {c10::kCUDA, static_cast<c10::DeviceIndex>(index)};
}

/// Returns `device`. Throws ConfigurationError for one of another kind than cpu and cuda, or that
/// is not there.
inline c10::Device checked(c10::Device device) {
  if (device.is_cuda()) {
    detail::require_cuda(std::max<int>(device.index(), 0), device.str());
  } else if (!device.is_cpu()) {
    throw ConfigurationError("device is '" + device.str() +
                             "', but gradus computes on cpu and cuda alone.");
  }
  return device;
}

namespace detail {

inline bool cpu_has(const char* capability) {
  const auto capabilities = at::cpu::get_cpu_capabilities();
  const auto found = capabilities.find(capability);
  return found != capabilities.end() && found->second.isBool() && found->second.toBool();
}

}  // namespace detail

/// Whether the CPU multiplies bfloat16 by tiles (AMX), at many times the rate of float32.
inline bool has_bfloat16_tiles() { return detail::cpu_has("amx_bf16"); }

/// Whether bfloat16 arithmetic is native: AVX512-BF16 or AMX on a CPU, compute capability 8.0 on
/// CUDA. Where it is not, it is emulated and slower than float32.
inline bool has_native_bfloat16(c10::Device device) {
  if (device.is_cuda()) return at::detail::getCUDAHooks().supportsBFloat16ConvolutionWithCuDNNv8();
  return detail::cpu_has("avx512_bf16") || has_bfloat16_tiles() || detail::cpu_has("bf16");
}

/// "AMD EPYC ..." from the system's own description, or the architecture where it has none.
inline std::string processor_name() {
  std::ifstream info("/proc/cpuinfo");
  for (std::string line; std::getline(info, line);) {
    if (line.rfind("model name", 0) == 0) return line.substr(line.find(':') + 2);
  }
  utsname system{};
  return ::uname(&system) == 0 ? system.machine : "unknown processor";
}

}  // namespace gradus
