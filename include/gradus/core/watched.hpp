/// The figure of an epoch by which a run is judged.
#pragma once

#include <gradus/core/history.hpp>

#include <array>
#include <string_view>

namespace gradus {

/// The held-out loss, or the training loss where there is no held-out set; or the held-out
/// accuracy.
enum class Watched { loss, accuracy };

constexpr std::array<std::string_view, 2> enum_names(Watched) { return {"loss", "accuracy"}; }

/// The watched figure, turned so that less is better.
inline double watched_figure(Watched watched, const EpochRecord& record) {
  if (watched == Watched::accuracy) return record.test ? -record.test->accuracy() : 0;
  return record.test ? record.test->loss : record.train_loss;
}

}  // namespace gradus
