/// How models refuse options that no network can be made of.
#pragma once

#include <gradus/error.hpp>

#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>

namespace gradus::detail {

/// A number of layers, channels, classes, ... by its name.
struct ModelOption {
  std::string_view name;
  std::int64_t value;
};

/// Throws ConfigurationError for the first of the options of `model` that is below 1.
inline void check_options(std::string_view model, std::initializer_list<ModelOption> options) {
  for (const auto& [name, value] : options) {
    if (value >= 1) continue;
    throw ConfigurationError(std::string(model) + " was given " + std::string(name) + " " +
                             std::to_string(value) + "; expected 1 or more.");
  }
}

}  // namespace gradus::detail
