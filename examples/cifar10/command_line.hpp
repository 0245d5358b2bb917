/// The command line of gradus-cifar10: flags, environment and settings file become Options.
#pragma once

#include "options.hpp"

#include <optional>
#include <string>

namespace cifar10 {

struct Request {
  std::string command;  ///< compare, ablate, train, evaluate, export, describe or selfcheck
  Options options;
};

/// Flags win over the environment, it over the settings file, it over the built-in. Nothing after
/// --help or --version. Throws gradus::UsageError for what is not known or misplaced, and
/// gradus::ConfigurationError for a value that does not fit.
std::optional<Request> read_command_line(int argc, char** argv);

}  // namespace cifar10
