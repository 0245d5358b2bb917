/// CUDA kernels on the processor: their text is compiled as C++, in which threads are threads and a
/// block's barrier is a barrier.
#pragma once

#include "../folder.hpp"
#include <gradus/device/cuda_program.hpp>

#include <array>
#include <cstdlib>
#include <dlfcn.h>
#include <filesystem>
#include <fstream>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace gradus::test {

/// Takes launches as CudaProgram does.
class EmulatedCuda {
 public:
  EmulatedCuda(std::string_view source, const std::vector<std::string>& kernels,
               const std::string& options) {
    const auto text = folder_ / "kernels.cpp", library = folder_ / "kernels.so";
    std::ofstream file(text);
    file << prologue << source << "\nextern \"C\" int launch(const char* name, Launch launch) {\n";
    for (const auto& kernel : kernels) {
      file << "  if (std::string_view(name) == \"" << kernel << "\") return run(" << kernel
           << ", launch);\n";
    }
    file << "  return 1;\n}\n";
    file.close();
    const auto command = std::string(GRADUS_CXX) + " -std=c++20 -O1 -shared -fPIC -pthread " +
                         options + " " + text.string() + " -o " + library.string();
    if (std::system(command.c_str()) != 0) throw std::runtime_error(command);
    void* handle = ::dlopen(library.c_str(), RTLD_NOW);
    if (handle == nullptr) throw std::runtime_error(::dlerror());
    launch_ = reinterpret_cast<int (*)(const char*, Launch)>(::dlsym(handle, "launch"));
  }

  template <class... Arguments>
  void operator()(const char* kernel, LaunchSize grid, LaunchSize block,
                  Arguments... arguments) const {
    std::array<void*, sizeof...(Arguments)> pointers{&arguments...};
    if (launch_(kernel, {grid.x, grid.y, block.x, block.y, pointers.data()}) != 0)
      throw std::runtime_error(kernel);
  }

 private:
  struct Launch {
    unsigned grid_x, grid_y, block_x, block_y;
    void** arguments;
  };

  static constexpr std::string_view prologue = R"cpp(
#include <barrier>
#include <bit>
#include <cmath>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>
#define __device__
#define __global__
#define __shared__ static
    using std::sqrt;
    struct Place3 {
      unsigned x = 0, y = 0;
    };
    static thread_local Place3 threadIdx, blockIdx;
    static Place3 blockDim, gridDim;
    static std::barrier<>* barrier;
    static void __syncthreads() { barrier->arrive_and_wait(); }
    static float __uint_as_float(unsigned bits) { return std::bit_cast<float>(bits); }
    static unsigned __float_as_uint(float value) { return std::bit_cast<unsigned>(value); }
    struct Launch {
      unsigned grid_x, grid_y, block_x, block_y;
      void** arguments;
    };
    template <class... A, std::size_t... I>
    void call(void (*kernel)(A...), void** arguments, std::index_sequence<I...>) {
      kernel(*static_cast<A*>(arguments[I])...);
    }
    template <class... A>
    int run(void (*kernel)(A...), const Launch& launch) {
      gridDim = {launch.grid_x, launch.grid_y};
      blockDim = {launch.block_x, launch.block_y};
      const unsigned count = launch.block_x * launch.block_y;
      std::barrier<> all(count), of_blocks(count);
      barrier = &all;
      std::vector<std::jthread> threads;
      for (unsigned i = 0; i < count; ++i) {
        threads.emplace_back([&, i] {
          threadIdx = {i % launch.block_x, i / launch.block_x};
          for (unsigned block = 0; block < launch.grid_x * launch.grid_y; ++block) {
            blockIdx = {block % launch.grid_x, block / launch.grid_x};
            call(kernel, launch.arguments, std::index_sequence_for<A...>());
            of_blocks.arrive_and_wait();
          }
        });
      }
      return 0;
    }
  )cpp";

  Folder folder_;
  int (*launch_)(const char*, Launch) = nullptr;
};

}  // namespace gradus::test
