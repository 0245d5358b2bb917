/// CUDA graphs as a GraphBackend, where LibTorch has CUDA (the build says so by GRADUS_CUDA);
/// elsewhere a backend that says it has none. The one header of gradus that includes CUDA's.
#pragma once

#include <gradus/device/graph_backend.hpp>

#include <string>

#ifdef GRADUS_CUDA

#include <ATen/cuda/CUDAGraph.h>
#include <ATen/record_function.h>
#include <c10/core/Device.h>
#include <c10/core/Event.h>
#include <c10/core/Stream.h>
#include <c10/core/StreamGuard.h>
#include <c10/core/impl/VirtualGuardImpl.h>
#include <c10/cuda/CUDACachingAllocator.h>

#include <exception>
#include <memory>
#include <stdexcept>
#include <utility>

namespace gradus {

namespace detail {

/// While it lives: the name of the operator that was begun last. CUDA's own words name none.
class LastOperator {
 public:
  LastOperator() {
    slot() = &name_;
    handle_ = at::addThreadLocalCallback(
        at::RecordFunctionCallback([](const at::RecordFunction& function)
                                       -> std::unique_ptr<at::ObserverContext> {
          if (auto* name = slot()) *name = function.name();
          return nullptr;
        }).scopes({at::RecordScope::FUNCTION}));
  }
  LastOperator(const LastOperator&) = delete;
  LastOperator& operator=(const LastOperator&) = delete;
  ~LastOperator() {
    at::removeCallback(handle_);
    slot() = nullptr;
  }
  [[nodiscard]] const std::string& name() const { return name_; }

 private:
  /// One for the process: the backward pass runs in a thread of its own, which inherits the
  /// callback, while the one that captures waits for it.
  static std::string*& slot() {
    static std::string* now = nullptr;
    return now;
  }

  std::string name_;
  at::CallbackHandle handle_ = 0;
};

}  // namespace detail

/// Streams and events are c10's generic ones: those of CUDA would want its runtime library linked.
class CudaGraphs {
 public:
  using Graph = std::unique_ptr<at::cuda::CUDAGraph>;

  static std::string obstacle(const c10::Device& device) {
    return device.is_cuda() ? "" : "the device is " + device.str() + ", which has no CUDA graphs";
  }

  explicit CudaGraphs(const c10::Device& device)
      : cuda_(c10::DeviceType::CUDA),
        device_(device.has_index() ? device : cuda_.getDevice()),
        side_(cuda_.getStreamFromGlobalPool(device_)),
        pool_(at::cuda::graph_pool_handle()) {}

  template <class Work>
  void on_side_stream(Work&& work) {
    const auto current = cuda_.getStream(device_);
    follow(side_, current);
    {
      const c10::StreamGuard guard(side_);
      work();
    }
    follow(current, side_);
  }

  /// Waits for the device first, as torch.cuda.graph does. The capture mode is thread-local: loader
  /// threads pin memory meanwhile.
  template <class Work>
  [[nodiscard]] Graph capture(Work&& work) {
    cuda_.synchronizeDevice(device_.index());
    c10::cuda::CUDACachingAllocator::emptyCache();
    auto graph = std::make_unique<at::cuda::CUDAGraph>();
    const c10::StreamGuard guard(side_);
    const detail::LastOperator last;
    bool begun = false;
    try {
      graph->capture_begin(pool_, cudaStreamCaptureModeThreadLocal);
      begun = true;
      work();
      begun = false;
      graph->capture_end();
    } catch (const std::exception& error) {
      if (begun) end_quietly(*graph);
      if (last.name().empty()) throw;
      throw std::runtime_error("in " + last.name() + ", " + error.what());
    }
    return graph;
  }

  void replay(Graph& graph) { graph->replay(); }

 private:
  /// What is enqueued on `later` from now on waits for what is on `earlier` so far.
  static void follow(const c10::Stream& later, const c10::Stream& earlier) {
    c10::Event reached(c10::DeviceType::CUDA);
    reached.record(earlier);
    reached.block(later);
  }

  /// After work that failed: the stream must not stay in capture, and the first error counts.
  static void end_quietly(at::cuda::CUDAGraph& graph) noexcept {
    try {
      graph.capture_end();
    } catch (const std::exception&) {
    }
  }

  c10::impl::VirtualGuardImpl cuda_;
  c10::Device device_;
  c10::Stream side_;
  c10::MempoolId_t pool_;
};

}  // namespace gradus

#else

namespace gradus {

/// Stands in where LibTorch has no CUDA: is asked for its obstacle and nothing else.
class CudaGraphs {
 public:
  struct Graph {};

  static std::string obstacle(const c10::Device&) {
    return "this program is built without CUDA, and other devices have no graphs";
  }

  explicit CudaGraphs(const c10::Device&) {}
  template <class Work>
  void on_side_stream(Work&&) {}
  template <class Work>
  [[nodiscard]] Graph capture(Work&&) {
    return {};
  }
  void replay(Graph&) {}
};

}  // namespace gradus

#endif

static_assert(gradus::GraphBackend<gradus::CudaGraphs>);
