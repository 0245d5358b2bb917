/// What the processes of a run agree on, and which one reports. `ranks` is null where there is
/// one.
#pragma once

#include <gradus/core/parameters.hpp>
#include <gradus/distributed/communicator.hpp>
#include <gradus/distributed/share_state.hpp>
#include <gradus/error.hpp>
#include <gradus/train/run/interruption.hpp>

#include <ATen/ops/zeros.h>

#include <cstddef>
#include <cstdint>
#include <exception>
#include <iterator>
#include <vector>

namespace gradus {

/// Tells the others why this rank takes no part any more, if that is not their doing.
inline void leave(Communicator* ranks, const std::exception& error) {
  if (ranks == nullptr || dynamic_cast<const DistributedError*>(&error) != nullptr) return;
  ranks->leave(error.what());
}

/// What `act` returns; what it throws is told to the others.
template <class Act>
auto or_leave(Communicator* ranks, const Act& act) try {
  return act();
} catch (const std::exception& error) {
  leave(ranks, error);
  throw;
}

/// Gives all ranks the values of the first one.
inline void share_values(Communicator* ranks, const std::vector<NamedTensor>& tensors) {
  if (ranks == nullptr) return;
  for (const auto& [name, tensor] : tensors) share_values(*ranks, tensor);
}

/// The value on rank 0.
[[nodiscard]] inline bool as_first_says(Communicator* ranks, bool here) {
  return ranks == nullptr ? here : as_first_says(*ranks, here);
}

/// Whether any rank asks for an end becomes known to all. Seconds become those of the first rank:
/// what is decided by a clock is decided by one.
inline void agree(Communicator* ranks, Interruption& interruption,
                  const std::vector<double*>& seconds = {}) {
  if (ranks == nullptr) return;
  const auto facts = at::zeros({1 + std::ssize(seconds)}, at::kDouble);
  auto* fact = facts.mutable_data_ptr<double>();
  fact[0] = interruption.asked_here() ? 1 : 0;
  for (std::size_t i = 0; i < seconds.size(); ++i)
    fact[i + 1] = ranks->rank() == 0 ? *seconds[i] : 0;
  ranks->sum(facts);
  interruption.agree(fact[0] > 0);
  for (std::size_t i = 0; i < seconds.size(); ++i) *seconds[i] = fact[i + 1];
}

/// Throws `Interruption::Now` on all ranks if one of them asks for an end: a joint call.
inline void end_if_any_asks(Communicator* ranks, Interruption& interruption) {
  agree(ranks, interruption);
  interruption.end_if_asked();
}

}  // namespace gradus
