/// What an exception means for the caller of the program.
#pragma once

#include <gradus/error.hpp>

#include <exception>
#include <string>

namespace cifar10 {

struct Failure {
  gradus::ExitCode code = gradus::ExitCode::internal;
  std::string sentence;
  bool device_lost = false;  ///< no call to the device may follow
};

[[nodiscard]] Failure failure_of(const std::exception_ptr& thrown);

/// Throws gradus::ResourceError if a file that standard output goes to lacks what was written. A
/// reader or a terminal that is gone is no failure.
void check_output();

}  // namespace cifar10
