/// The compiled kernels of `norm_relu`, for a device and a number type.
#pragma once

#include <gradus/device/cuda_program.hpp>
#include <gradus/kernel/norm_source.hpp>

#include <ATen/core/Tensor.h>
#include <c10/core/ScalarType.h>
#include <c10/util/Exception.h>

#include <exception>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

namespace gradus::kernel {

/// For tensors like `x`, on CUDA, float32 or bfloat16. Null where NVRTC or the driver cannot make
/// them, which is tried once, with a warning: LibTorch's operators do the same.
inline const CudaProgram* norm_program(const at::Tensor& x) {
  static std::mutex mutex;
  static std::map<std::pair<int, c10::ScalarType>, std::unique_ptr<CudaProgram>> programs;
  const std::lock_guard lock(mutex);
  const auto [found, is_new] = programs.try_emplace({x.get_device(), x.scalar_type()});
  if (is_new) {
    const bool is_bfloat16 = x.scalar_type() == c10::kBFloat16;
    try {
      found->second = std::make_unique<CudaProgram>(
          std::string(norm_source),
          std::vector<std::string>{is_bfloat16 ? "-DBFLOAT16=1" : "-DBFLOAT16=0"}, x.device());
    } catch (const std::exception& error) {  // stays null
      TORCH_WARN("gradus: fused norms are not used on ", x.device(), ": ", error.what());
    }
  }
  return found->second.get();
}

}  // namespace gradus::kernel
