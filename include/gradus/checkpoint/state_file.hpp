/// The state of a Stepper as a safetensors file, and back.
#pragma once

#include <gradus/checkpoint/safetensors.hpp>
#include <gradus/core/state_dict.hpp>
#include <gradus/error.hpp>

#include <filesystem>
#include <utility>

namespace gradus {

/// What `Stepper::save_state` gives; in place of an older file, which is there until this one is
/// whole. Throws ResourceError if it cannot be written.
inline void write_state(const std::filesystem::path& path, const StateDict& state) {
  write_safetensors(path, {.metadata = {{"gradus_state", "1"}}, .tensors = state.entries()});
}

/// For `Stepper::load_state`. Throws CheckpointError for a file that is damaged or holds no state.
inline StateDict read_state(const std::filesystem::path& path) {
  auto file = read_safetensors(path);
  const bool ours = file.sealed && file.metadata.contains("gradus_state");
  if (!ours) {
    throw CheckpointError("checkpoint " + path.string() +
                          " holds no state of a Stepper; name one that `write_state` wrote.");
  }
  return StateDict(std::move(file.tensors));
}

}  // namespace gradus
