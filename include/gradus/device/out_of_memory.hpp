/// Memory that ran out, as each reports it: the language, LibTorch on the host, LibTorch on a
/// device.
#pragma once

#include <gradus/error.hpp>

#include <c10/util/Exception.h>

#include <exception>
#include <new>
#include <string>
#include <string_view>

namespace gradus {

/// With the place and the batch size, which only a run knows.
class OutOfMemory : public ResourceError {
  using ResourceError::ResourceError;
};

/// Whether an exception means that memory ran out, on the host or on a device.
[[nodiscard]] inline bool is_out_of_memory(const std::exception& error) {
  if (dynamic_cast<const std::bad_alloc*>(&error) != nullptr) return true;
  if (dynamic_cast<const OutOfMemory*>(&error) != nullptr) return true;
  if (dynamic_cast<const c10::OutOfMemoryError*>(&error) != nullptr) return true;
  const auto* of_torch = dynamic_cast<const c10::Error*>(&error);
  return of_torch != nullptr &&
         std::string_view(of_torch->what_without_backtrace()).find("allocate memory") !=
             std::string_view::npos;
}

/// What `error` says, without the stack that LibTorch adds.
[[nodiscard]] inline std::string said_by(const std::exception& error) {
  const auto* of_torch = dynamic_cast<const c10::Error*>(&error);
  return of_torch != nullptr ? of_torch->what_without_backtrace() : error.what();
}

}  // namespace gradus
