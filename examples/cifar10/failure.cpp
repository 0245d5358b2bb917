#include "failure.hpp"

#include <gradus/device/out_of_memory.hpp>

#include <c10/util/Exception.h>

#include <cerrno>
#include <iostream>
#include <sys/stat.h>
#include <unistd.h>

namespace cifar10 {

using gradus::ExitCode;

Failure failure_of(const std::exception_ptr& thrown) {
  try {
    std::rethrow_exception(thrown);
  } catch (const gradus::OtherDataError& error) {
    return {error.code(), std::string(error.what()) + " The flag for it is --allow-other-data."};
  } catch (const gradus::Error& error) {
    return {error.code(), error.what()};
  } catch (const c10::AcceleratorError& error) {  // such as an assert on the device
    return {ExitCode::resource,
            "the device failed and can do no more in this process; run again, and for the place "
            "with CUDA_LAUNCH_BLOCKING=1: " +
                std::string(error.what_without_backtrace()),
            /*device_lost=*/true};
  } catch (const std::exception& error) {
    if (gradus::is_out_of_memory(error)) {
      return {ExitCode::resource,
              "memory ran out; take smaller batches or a smaller width: " + gradus::said_by(error)};
    }
    return {ExitCode::internal, gradus::said_by(error)};
  } catch (...) {
    return {ExitCode::internal, "something was thrown that is no std::exception."};
  }
}

void check_output() {
  if (std::cout.flush()) return;
  struct stat output{};
  if (::fstat(STDOUT_FILENO, &output) != 0) return;
  const bool is_device = S_ISCHR(output.st_mode) && ::isatty(STDOUT_FILENO) == 0 && errno == ENOTTY;
  if (!S_ISREG(output.st_mode) && !is_device) return;
  throw gradus::ResourceError(
      "Cannot write all of the result to standard output; send it to a file on a disk that has "
      "space left.");
}

}  // namespace cifar10
