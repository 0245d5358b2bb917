/// The processes that share one training: those that this program starts, or has been started as.
#pragma once

#include "options.hpp"
#include <gradus/distributed/process_place.hpp>

#include <cstdint>
#include <functional>
#include <string>

namespace cifar10 {

/// Which of the processes of its run this one is, as torchrun's variables say. Throws
/// gradus::DistributedError for variables that do not fit, gradus::UsageError where a command or a
/// build takes one process alone.
gradus::ProcessPlace own_place(const std::string& command);

/// Runs `body` while they are joined. What ends it with an error is told to the others.
void among_processes(const Options& options, const std::function<void()>& body);

/// Starts this program `count` times on this machine, with the same arguments, and waits until all
/// have ended. A signal to end goes to all: as SIGUSR1 where they `can_stop`. Returns 0 if each has
/// returned that, else what the first one has that did not. Throws gradus::ResourceError if a
/// process cannot be started.
[[nodiscard]] int run_processes(std::int64_t count, char** arguments, bool can_stop);

}  // namespace cifar10
