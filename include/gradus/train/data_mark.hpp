/// Which training data a run has seen.
#pragma once

#include <gradus/core/state_dict.hpp>
#include <gradus/data/dataset.hpp>

#include <cstdint>
#include <string>

namespace gradus {

struct DataMark {
  std::int64_t samples = 0;
  std::int64_t fingerprint = 0;  ///< 0 where the dataset has none

  friend bool operator==(const DataMark&, const DataMark&) = default;

  void save(StateDict& to) const {
    to.put("samples", samples);
    to.put("fingerprint", fingerprint);
  }
  static DataMark saved(const StateDict& from) {
    return {.samples = from.number("samples"), .fingerprint = from.number("fingerprint")};
  }
};

template <data::Dataset Train>
[[nodiscard]] DataMark mark_of(const Train& train) {
  DataMark mark{.samples = train.size()};
  if constexpr (data::FingerprintedDataset<Train>) {
    mark.fingerprint = static_cast<std::uint32_t>(train.fingerprint());
  }
  return mark;
}

/// Throws CheckpointError if a run that has seen `before` would go on with `now`.
inline void check_same_data(const DataMark& before, const DataMark& now) {
  if (before == now) return;
  const auto what = [](const DataMark& mark) {
    return std::to_string(mark.samples) + " samples with fingerprint " +
           std::to_string(mark.fingerprint);
  };
  throw CheckpointError("the run was trained on other data: " + what(before) + " then, " +
                        what(now) + " now; give it the data that it had, or allow other data.");
}

}  // namespace gradus
