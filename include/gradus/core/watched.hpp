/// The metric of an epoch that a policy monitors.
#pragma once

#include <gradus/core/error.hpp>
#include <gradus/core/history.hpp>

#include <array>
#include <optional>
#include <string>
#include <string_view>

namespace gradus {

/// The held-out loss, or the training loss where there is no held-out set; or the held-out
/// accuracy.
enum class Watched { loss, accuracy };

constexpr std::array<std::string_view, 2> enum_names(Watched) { return {"loss", "accuracy"}; }

/// The monitored value of an epoch, its sign changed so that less is better; absent if the epoch
/// has none, because all its steps were skipped or no target counted.
inline std::optional<double> watched_figure(Watched watched, const EpochRecord& record) {
  if (watched == Watched::loss) return record.test ? record.test->loss : record.train_loss;
  const auto accuracy = record.test ? record.test->accuracy() : std::nullopt;
  if (!accuracy) return std::nullopt;
  return -*accuracy;
}

/// What a run measures after each epoch beside the training loss.
struct Measured {
  bool held_out = false;          ///< there is a held-out set
  bool held_out_samples = false;  ///< which is not empty
  bool accuracy = false;          ///< the loss policy counts what is right
};

/// Throws ConfigurationError, before step 0, if no epoch of a run can have the metric that `who`
/// monitors, such as "policy EarlyStop of axis stopping".
inline void check_watched(const std::string& who, Watched watched, const Measured& measured) {
  const auto refuse = [&](const std::string& why) {
    throw ConfigurationError(who + " monitors the " +
                             (watched == Watched::loss ? "held-out loss" : "held-out accuracy") +
                             ", but " + why + ".");
  };
  if (measured.held_out && !measured.held_out_samples) {
    refuse("the held-out set has no samples; give one that has some, or none at all");
  }
  if (watched == Watched::loss) return;
  if (!measured.held_out) {
    refuse("`fit` was given no held-out set; give it one, or monitor the loss");
  }
  if (!measured.accuracy) {
    refuse("the loss policy has no `correct`, so there is no accuracy; monitor the loss");
  }
}

}  // namespace gradus
