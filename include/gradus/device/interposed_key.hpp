/// The dispatch key under which operators of our own stand before LibTorch's, for one thread and a
/// while.
#pragma once

#include <c10/core/DispatchKey.h>
#include <torch/library.h>

namespace gradus {

/// LibTorch has it for modes that are made outside, and has no kernels of its own there.
constexpr auto interposed_key = c10::DispatchKey::DeferredInit;

/// Where operators are registered under the key, once in a process; those that nobody has
/// registered are LibTorch's. Lives as long as the process does.
inline torch::Library& interposed_operators() {
  static auto* const library = [] {
    auto* fallback =
        new torch::Library(torch::Library::IMPL, "_", interposed_key, __FILE__, __LINE__);
    fallback->fallback(torch::CppFunction::makeFallthrough());
    return new torch::Library(torch::Library::IMPL, "aten", interposed_key, __FILE__, __LINE__);
  }();
  return *library;
}

}  // namespace gradus
