/// What the laws of policies that follow the results have in common: records whose loss is of any
/// sign and size, or absent.
#pragma once

#include <gradus/core/history.hpp>
#include <gradus/core/state_dict.hpp>

#include <cstddef>
#include <cstdint>
#include <vector>

namespace gradus::testing {

/// From 1e30 through zero to -1e30, each far better than the one before, the accuracy too.
inline std::vector<double> falling_losses() {
  std::vector<double> losses;
  for (double size = 1e30; size > 1; size /= 100) losses.push_back(size);
  losses.push_back(0);
  for (double size = 1; size < 2e30; size *= 100) losses.push_back(-size);
  return losses;
}

/// With an accuracy that is better where the loss is.
inline EpochRecord record_of(double loss) {
  constexpr std::int64_t counted = 1'000'000;
  std::int64_t place = 1;
  for (const double other : falling_losses()) place += other > loss ? 1 : 0;
  return {.epoch = 1,
          .train_loss = loss,
          .test = Evaluation{
              .samples = counted, .counted = counted, .correct = 1000 * place, .loss = loss}};
}

/// A copy of a run state.
template <class P, class State>
StateDict copy_of_state(const P& policy, const State& state) {
  StateDict copy;
  policy.save(state, copy);
  return copy;
}

/// Whether two run states are the same, bit for bit.
inline bool same_state(const StateDict& one, const StateDict& other) {
  bool same = one.entries().size() == other.entries().size();
  for (std::size_t i = 0; same && i < one.entries().size(); ++i) {
    same = one.entries()[i].tensor.equal(other.entries()[i].tensor);
  }
  return same;
}

}  // namespace gradus::testing
