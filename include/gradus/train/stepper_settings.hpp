/// What belongs to a stepper rather than to a policy: its length, device and seed.
#pragma once

#include <gradus/device/device.hpp>
#include <gradus/device/math_settings.hpp>
#include <gradus/error.hpp>

#include <c10/core/Device.h>

#include <cstdint>
#include <functional>
#include <iostream>
#include <string>

namespace gradus {

/// What belongs to a Stepper and not to a policy: the length that the schedule is made for, seed,
/// device and readings.
struct StepperSettings {
  std::int64_t total_steps = 0;  ///< that the schedule is made for, at least 1
  c10::Device device = default_device();
  std::uint64_t seed = 0;        ///< for hooks that draw
  std::int64_t read_every = 50;  ///< steps between two readings of the loss
  MathSettings math{};           ///< how the device may compute, while `forward` and `backward` run
  /// Is told each warning of the guard policy, at a reading; may be empty. Where several processes
  /// train, that of the first one.
  std::function<void(const std::string&)> announce = [](const std::string& warning) {
    std::cerr << "warning: " << warning << '\n';
  };
};

/// Returns `settings`. Throws ConfigurationError for a number that no stepper can have.
inline const StepperSettings& checked(const StepperSettings& settings) {
  const auto at_least_one = [](const char* name, std::int64_t value) {
    if (value >= 1) return;
    throw ConfigurationError(std::string(name) + " of a stepper is " + std::to_string(value) +
                             ", but it takes a whole number of at least 1.");
  };
  at_least_one("total_steps", settings.total_steps);
  at_least_one("read_every", settings.read_every);
  checked(settings.device);
  checked(settings.math);
  return settings;
}

}  // namespace gradus
