/// A run as one safetensors file: its state as tensors, what it is as JSON in the metadata.
#pragma once

#include <gradus/checkpoint/run_manifest.hpp>
#include <gradus/checkpoint/safetensors.hpp>
#include <gradus/core/state_dict.hpp>
#include <gradus/error.hpp>
#include <gradus/settings/dump.hpp>

#include <nlohmann/json.hpp>

#include <filesystem>
#include <string>
#include <utility>

namespace gradus {

/// The content of a checkpoint file: what the run is, as JSON, and its state.
struct RunFile {
  /// {"format", "gradus", "libtorch", "threads", "step", "configuration", "files"}, and what the
  /// program adds.
  nlohmann::ordered_json manifest;
  StateDict state;
};

/// Throws ResourceError if the file cannot be written; then an older one is still there.
inline void write_run(const std::filesystem::path& path, const RunFile& run) {
  write_safetensors(path,
                    {.metadata = {{"gradus", dump(run.manifest)}}, .tensors = run.state.entries()});
}

/// Throws CheckpointError for a file that is damaged, no run, or of a newer format.
inline RunFile read_run(const std::filesystem::path& path) {
  const auto name = "checkpoint " + path.string();
  auto file = read_safetensors(path);
  if (!file.sealed || !holds_run(file)) {
    throw CheckpointError(name +
                          " holds no run of gradus; name one that `Checkpoints` wrote, or take its "
                          "weights alone.");
  }
  auto manifest = run_manifest(file, name);
  refuse_older_state(manifest, name);
  return {std::move(manifest), StateDict(std::move(file.tensors))};
}

}  // namespace gradus
