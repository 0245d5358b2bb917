/// CUDA kernels from text, compiled when the program runs, by the libraries that LibTorch brings or
/// that lie on the system. No CUDA header is needed, and nothing of CUDA is linked.
#pragma once

#include <c10/core/Device.h>
#include <c10/core/DeviceGuard.h>
#include <c10/core/Stream.h>
#include <c10/core/impl/VirtualGuardImpl.h>

#include <array>
#include <cstddef>
#include <dlfcn.h>
#include <initializer_list>
#include <map>
#include <mutex>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

namespace gradus {

namespace detail {

/// A library that is loaded when it is first asked for, the first of `names` that is there.
class LateLibrary {
 public:
  LateLibrary(std::initializer_list<const char*> names) {
    for (const char* name : names) {
      handle_ = ::dlopen(name, RTLD_NOW | RTLD_LOCAL);
      if (handle_ != nullptr) return;
    }
    throw std::runtime_error(std::string(names.end()[-1]) + " is not there");
  }

  /// A C function by its type. Throws std::runtime_error if there is none of that name.
  template <class Function>
  [[nodiscard]] Function* function(const char* name) const {
    void* found = ::dlsym(handle_, name);
    if (found == nullptr) throw std::runtime_error(std::string(name) + " is not there");
    return reinterpret_cast<Function*>(found);
  }

 private:
  void* handle_ = nullptr;  // stays until the process ends
};

/// NVRTC. LibTorch's own library of that part finds the right one beside it.
inline const LateLibrary& nvrtc() {
  static const LateLibrary library{"libcaffe2_nvrtc.so", "libnvrtc.so.13", "libnvrtc.so.12",
                                   "libnvrtc.so"};
  return library;
}
/// The driver's.
inline const LateLibrary& cuda_driver() {
  static const LateLibrary library{"libcuda.so.1"};
  return library;
}

template <class... Arguments>
void ask_driver(const char* name, Arguments... arguments) {
  const int code = cuda_driver().function<int(Arguments...)>(name)(arguments...);
  if (code == 0) return;
  const char* text = nullptr;
  cuda_driver().function<int(int, const char**)>("cuGetErrorString")(code, &text);
  throw std::runtime_error(std::string(name) + ": " + (text != nullptr ? text : "unknown error"));
}

}  // namespace detail

/// Why nothing can be compiled; empty if NVRTC is there.
[[nodiscard]] inline std::string no_nvrtc() {
  try {
    static_cast<void>(detail::nvrtc());
    return "";
  } catch (const std::runtime_error& error) {
    return error.what();
  }
}

/// The machine code of `source` for devices of compute capability `capability`, as in 90, compiled
/// with `options`, as in "-DBFLOAT16=1". Needs no device. Throws std::runtime_error with what NVRTC
/// says, or if there is no NVRTC.
[[nodiscard]] inline std::string compile_cuda(const std::string& source, int capability,
                                              std::vector<std::string> options = {}) {
  using Program = void*;
  const auto& library = detail::nvrtc();
  const auto ask = [&]<class... Arguments>(const char* name, Arguments... arguments) {
    return library.function<int(Arguments...)>(name)(arguments...);
  };
  options.push_back("--gpu-architecture=sm_" + std::to_string(capability));
  options.push_back("--std=c++17");
  std::vector<const char*> words;
  for (const auto& option : options) words.push_back(option.c_str());

  Program program = nullptr;
  const char* const* none = nullptr;
  int failed = ask("nvrtcCreateProgram", &program, source.c_str(), "gradus.cu", 0, none, none);
  std::string code, log;
  if (failed == 0) {
    failed = ask("nvrtcCompileProgram", program, static_cast<int>(words.size()),
                 static_cast<const char* const*>(words.data()));
    const auto text = [&](const char* size_of, const char* get, std::string& to) {
      std::size_t size = 0;
      if (ask(size_of, program, &size) != 0) return;
      to.resize(size);
      ask(get, program, to.data());
    };
    text("nvrtcGetProgramLogSize", "nvrtcGetProgramLog", log);
    if (failed == 0) text("nvrtcGetCUBINSize", "nvrtcGetCUBIN", code);
    ask("nvrtcDestroyProgram", &program);
  }
  if (failed == 0 && !code.empty()) return code;
  const auto* said = library.function<const char*(int)>("nvrtcGetErrorString")(failed);
  throw std::runtime_error(std::string("NVRTC: ") + said + "\n" + log);
}

/// Blocks of a launch, and threads of a block.
struct LaunchSize {
  unsigned x = 1, y = 1;
};

/// Launches kernels of one program on the stream that is current for its device, which has an
/// index.
class CudaProgram {
 public:
  /// Compiles for that device. Throws std::runtime_error.
  CudaProgram(const std::string& source, const std::vector<std::string>& options,
              c10::Device device)
      : cuda_(c10::DeviceType::CUDA), device_(device) {
    const Current current(device_);
    const auto code = compile_cuda(source, capability(), options);
    detail::ask_driver("cuModuleLoadData", &module_, static_cast<const void*>(code.data()));
  }

  /// `arguments` are as the kernel declares them, by value.
  template <class... Arguments>
  void operator()(const char* kernel, LaunchSize grid, LaunchSize block,
                  Arguments... arguments) const {
    static_assert((std::is_trivially_copyable_v<Arguments> && ...));
    std::array<void*, sizeof...(Arguments)> pointers{&arguments...};
    const Current current(device_);
    void* stream = cuda_.getStream(device_).native_handle();
    void** extra = nullptr;
    detail::ask_driver("cuLaunchKernel", function(kernel), grid.x, grid.y, 1U, block.x, block.y, 1U,
                       0U, stream, pointers.data(), extra);
  }

 private:
  /// While it lives the device is the current one, also of a thread that has not used it before,
  /// which the driver would know nothing of.
  class Current {
   public:
    explicit Current(c10::Device device) : guard_(device) {
      void* context = nullptr;
      detail::ask_driver("cuCtxGetCurrent", &context);
      if (context != nullptr) return;
      detail::ask_driver("cuDevicePrimaryCtxRetain", &context, int{device.index()});
      detail::ask_driver("cuCtxSetCurrent", context);
    }

   private:
    c10::DeviceGuard guard_;
  };

  [[nodiscard]] int capability() const {
    int device = 0, major = 0, minor = 0;
    constexpr int major_of = 75, minor_of = 76;  // CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_*
    detail::ask_driver("cuDeviceGet", &device, int{device_.index()});
    detail::ask_driver("cuDeviceGetAttribute", &major, major_of, device);
    detail::ask_driver("cuDeviceGetAttribute", &minor, minor_of, device);
    return 10 * major + minor;
  }

  void* function(const char* kernel) const {
    const std::lock_guard lock(mutex_);
    void*& found = functions_[kernel];
    if (found == nullptr) detail::ask_driver("cuModuleGetFunction", &found, module_, kernel);
    return found;
  }

  c10::impl::VirtualGuardImpl cuda_;
  c10::Device device_;
  void* module_ = nullptr;  // lives as long as the process
  mutable std::mutex mutex_;
  mutable std::map<std::string, void*> functions_;
};

}  // namespace gradus
