/// What a run over a stream keeps and needs.
#pragma once

#include <gradus/core/state_dict.hpp>
#include <gradus/data/stream.hpp>
#include <gradus/error.hpp>
#include <gradus/train/run/run_settings.hpp>

#include <memory>
#include <string>

namespace gradus {

/// Where a stream stands; null if it cannot say it.
using StreamPlace = std::shared_ptr<const StateDict>;

/// The position of a stream, to be saved; null for a stream that cannot be positioned.
template <data::Stream S>
[[nodiscard]] StreamPlace place_of([[maybe_unused]] const S& stream) {
  if constexpr (data::PositionedStream<S>) {
    auto place = std::make_shared<StateDict>();
    stream.save(*place);
    return place;
  } else {
    return nullptr;
  }
}

/// Throws ConfigurationError for settings that a run over a stream cannot have.
inline void check_stream_run(const RunSettings& run) {
  const auto refuse = [](const std::string& why) {
    throw ConfigurationError("the training data is a stream, " + why + ".");
  };
  if (!run.max_steps) refuse("so nobody knows how long an epoch is; set max_steps");
  if (run.limit_train_batches) {
    refuse("so limit_train_batches has nothing to limit; set steps_per_epoch");
  }
  if (run.overfit_batches) {
    refuse("which overfit_batches cannot read again; give a dataset of a few samples");
  }
}

/// Puts `stream` where a run that resumes left it. Throws CheckpointError for a stream that cannot
/// say where it stands, unless the run allows other data.
template <data::Stream S>
void put_back(S& stream, const StreamPlace& place, const RunSettings& run) {
  if constexpr (data::PositionedStream<S>) {
    stream.load(*place);
  } else if (!run.allow_other_data) {
    throw CheckpointError(
        "the run cannot be resumed where it was: its stream does not say where it stands; give it "
        "`save` and `load` as gradus::data::PositionedStream has them, or set "
        "RunSettings::allow_other_data to train on with what comes next.");
  }
}

}  // namespace gradus
