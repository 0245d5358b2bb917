/// What a stepper reads of its losses. Included by train/stepper.hpp.
#pragma once

#include <gradus/train/stepper.hpp>

#include <string>

namespace gradus {

/// The one place where a stepper waits for the device.
template <class M, class Policies>
void BasicStepper<M, Policies>::read() {
  since_reading_ = 0;
  const auto place = this->place();
  const auto reading = meter_.read();
  if (step_.device_steps()) steps_ -= reading.skipped_on_device;
  auto& guard = step_.guard();
  const std::string warning = guard.check_reading(reading, step_.parameters(), place);
  if (!warning.empty() && settings_.announce && share().rank == 0) settings_.announce(warning);
  guard.count(reading.windows, reading.skipped_in_a_row, step_.parameters(), place);
}

}  // namespace gradus
