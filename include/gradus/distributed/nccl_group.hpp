/// NCCL, which sums between GPUs without the host, where LibTorch and its headers have it.
#pragma once

#include <gradus/distributed/process_place.hpp>

#include <c10/util/intrusive_ptr.h>
#include <torch/csrc/distributed/c10d/Backend.hpp>
#include <torch/csrc/distributed/c10d/Store.hpp>
#if defined(USE_C10D_NCCL) && __has_include(<nccl.h>) && __has_include(<cuda_runtime.h>)
#define GRADUS_HAS_NCCL
#include <torch/csrc/distributed/c10d/PrefixStore.hpp>
#include <torch/csrc/distributed/c10d/ProcessGroupNCCL.hpp>
#endif

#include <chrono>
#include <cstdlib>

namespace gradus::detail {

/// Of the ranks that have met in `store`; null where there is no NCCL. Connects with the first sum.
inline c10::intrusive_ptr<c10d::Backend> nccl_group(
    [[maybe_unused]] const c10::intrusive_ptr<c10d::Store>& store,
    [[maybe_unused]] const ProcessPlace& place,
    [[maybe_unused]] std::chrono::milliseconds timeout) {
#ifdef GRADUS_HAS_NCCL
  // A wait ends with an error in time, where LibTorch's own watch would end the process.
  ::setenv("TORCH_NCCL_BLOCKING_WAIT", "1", /*overwrite=*/0);
  ::setenv("TORCH_NCCL_ASYNC_ERROR_HANDLING", "0", /*overwrite=*/0);
  auto options = c10d::ProcessGroupNCCL::Options::create();
  options->timeout = timeout;
  return c10::make_intrusive<c10d::ProcessGroupNCCL>(
      c10::make_intrusive<c10d::PrefixStore>("nccl", store), static_cast<int>(place.rank),
      static_cast<int>(place.size), options);
#else
  return {};
#endif
}

}  // namespace gradus::detail
