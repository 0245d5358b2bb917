#include "failure.hpp"

#include <gradus/device/out_of_memory.hpp>

#include <c10/util/Exception.h>

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

}  // namespace cifar10
