/// The processes of this run, as the environment says it.
#pragma once

#include <gradus/distributed/communicator.hpp>
#include <gradus/distributed/gloo_communicator.hpp>
#include <gradus/distributed/process_place.hpp>

#include <chrono>
#include <memory>
#include <mutex>

namespace gradus {

/// Joins the processes that torchrun, or whatever sets its variables, has started; alone where
/// there is only this one. Throws DistributedError for variables that do not fit, and for a rank
/// that does not come within `timeout`, after which later calls fail too.
[[nodiscard]] inline std::unique_ptr<Communicator> join_ranks(std::chrono::milliseconds timeout) {
  const auto place = place_from_environment();
  if (place.size == 1) return std::make_unique<SoloCommunicator>();
  return std::make_unique<GlooCommunicator>(place, timeout);
}

/// Likewise once for all that take part in this process at a time, such as several trainers.
[[nodiscard]] inline std::shared_ptr<Communicator> shared_ranks(std::chrono::milliseconds timeout) {
  static std::mutex mutex;
  static std::weak_ptr<Communicator> joined;
  const std::lock_guard lock(mutex);
  auto ranks = joined.lock();
  if (!ranks) joined = ranks = join_ranks(timeout);
  return ranks;
}

}  // namespace gradus
